const { Server, ServerCredentials } = require('@grpc/grpc-js');
const { internal, resourcesToProto } = require('@meseta/protocol');
const { Resources } = require('@meseta/model');
const { spawn } = require('child_process');
const fs=require('fs'), os=require('os'), path=require('path');
const N=+process.argv[2]||20000, BATCH=200, INFLIGHT=2000;
const server = new Server();
let stream, launched=0, finished=0, t0, out=[];
const res=resourcesToProto(Resources.parse('cpus:0.01;mem:1').allocate('web'));
const fw={ id:{value:'fw'}, name:'x', checkpoint:true, roles:['web'], capabilities:[], offerFilters:{} };
let scheduled=false;
function flush(){ scheduled=false; while(out.length){ stream.write({term:5n, messages: out.splice(0,1000)}) } }
function say(m){ out.push({message:m}); if(!scheduled){scheduled=true; setImmediate(flush);} }
function more(){ while(launched<N && launched-finished<INFLIGHT){ const id='t'+launched++; say({$case:'launchTask', value:{frameworkInfo:fw, task:{name:id, taskId:{value:id}, resources:res, command:{uris:[],arguments:[],value:'true'}, limits:{}}, traceparent:''}}); } }
server.addService(internal.AgentGatewayService, { connect: s => { stream=s; s.on('data', ({messages}) => { for (const {message:m} of messages){
  if(m.$case==='register'){ say({$case:'registered', value:{agentId:{value:'a1'}, cluster:'meseta', silenceMaxMs:60000n}}); setTimeout(()=>{t0=Date.now(); more();},500); }
  else if(m.$case==='statusUpdate'){ const st=m.value.status; say({$case:'acknowledgeUpdate', value:{frameworkId:m.value.frameworkId, taskId:st.taskId, uuid:st.uuid}}); if(st.state==='TASK_FINISHED'){ finished++; if(finished===N){ const s=(Date.now()-t0)/1000; console.log(N/s|0,'tasks/s', s+'s'); setTimeout(()=>{console.log(fs.readFileSync('/proc/'+child.pid+'/status','utf8').match(/VmRSS.*/)[0]); child.kill('SIGTERM'); setTimeout(()=>process.exit(0),500)}, 500);} } }
 } more(); }); s.on('error',()=>{}); s.on('end',()=>s.end()); } });
let child;
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (e,port)=>{ const wd=fs.mkdtempSync(path.join(os.tmpdir(),'mb-')); const args=(process.env.PROF?['--cpu-prof','--cpu-prof-dir=/tmp/bench']:[]).concat([__dirname+'/dist/main.js','--master','127.0.0.1:'+port,'--work-dir',wd,'--port=0','--http-port=0','--runtimes='+(process.argv[3]||'fake'),'--log-level='+(process.env.LOG||'warn')]); child=spawn(process.execPath,args,{stdio:['ignore',process.env.LOG?'ignore':'inherit','inherit']}); });
