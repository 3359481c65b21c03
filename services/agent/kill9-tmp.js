const { Server, ServerCredentials } = require('@grpc/grpc-js');
const { internal, resourcesToProto } = require('@meseta/protocol');
const { Resources } = require('@meseta/model');
const { spawn } = require('child_process');
const fs=require('fs'), os=require('os'), path=require('path');
const ROUNDS=+process.argv[2]||20, PER=15;
const server = new Server();
let stream, n=0, out=[], registered=false; const ran=fs.mkdtempSync(path.join(os.tmpdir(),'k9-'));
const final=new Map(), launched=new Set(), seen=new Map(); let problems=[];
const res=resourcesToProto(Resources.parse('cpus:0.01;mem:32').allocate('web'));
const fw={ id:{value:'fw'}, name:'x', checkpoint:true, roles:['web'], capabilities:[{type:'PARTITION_AWARE'}], offerFilters:{} };
function say(m){ try{ stream&&stream.write({term:5n, messages:[{message:m}]}) }catch{} }
server.addService(internal.AgentGatewayService, { connect: s => { stream=s; s.on('data', ({messages}) => { for (const {message:m} of messages){
  if(m.$case==='register'){ registered=true; const has=new Set(m.value.tasks.map(t=>t.taskId.value)); say({$case:'registered', value:{agentId:{value:'a1'}, cluster:'meseta', silenceMaxMs:60000n}});
    const missing=[...launched].filter(t=>!final.has(t)&&!has.has(t)); if(missing.length) say({$case:'reconcileTasks', value:{tasks:missing.map(t=>({frameworkId:{value:'fw'},taskId:{value:t}}))}}); }
  else if(m.$case==='statusUpdate'){ const st=m.value.status, id=st.taskId.value; if(Math.random()<0.9) say({$case:'acknowledgeUpdate', value:{frameworkId:m.value.frameworkId, taskId:st.taskId, uuid:st.uuid}});
    const u=st.uuid.toString('hex'); const key=id+st.state; 
    if(/FINISHED|FAILED|DROPPED|LOST|GONE|KILLED/.test(st.state)){ const f=final.get(id); if(f&&f.u!==u&&!(f.state==='TASK_DROPPED')) problems.push(`${id} ended twice: ${f.state} ${st.state}`); final.set(id,{state:st.state,u,msg:st.message}); } } } });
  s.on('error',()=>{}); s.on('end',()=>s.end()); } });
const sleep=ms=>new Promise(r=>setTimeout(r,ms));
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), async (e,port)=>{ const wd=fs.mkdtempSync(path.join(os.tmpdir(),'mk-'));
 let child; const start=()=>{ registered=false; child=spawn(process.execPath,[__dirname+'/dist/main.js','--master','127.0.0.1:'+port,'--work-dir',wd,'--port=0','--http-port=0','--runtimes=process','--log-level=warn'],{stdio:['ignore','ignore','inherit']}); };
 for(let r=0;r<ROUNDS;r++){ start(); while(!registered){ await sleep(10); if(child.exitCode!==null){ console.log('agent died', child.exitCode); process.exit(1);} }
   for(let i=0;i<PER;i++){ const id='t'+n++; launched.add(id); const code=n%3; say({$case:'launchTask', value:{frameworkInfo:fw, task:{name:id, taskId:{value:id}, resources:res, command:{uris:[],arguments:[],value:`echo x >> ${ran}/${id}; sleep 0.${n%9}; exit ${code}`}, limits:{}}, traceparent:''}}); }
   await sleep(Math.random()*400); child.kill('SIGKILL'); await new Promise(r=>child.on('exit',r)); }
 start(); for(let i=0;i<400 && final.size<launched.size;i++) await sleep(100);
 const counts={}; for(const id of launched){ const f=final.get(id); const runs=fs.existsSync(ran+'/'+id)?fs.readFileSync(ran+'/'+id,'utf8').length/2:0; const k=(f?f.state:'NONE')+' runs='+runs; counts[k]=(counts[k]||0)+1; if(runs>1) problems.push(id+' ran '+runs); const num=+id.slice(1)+1; if(f&&f.state==='TASK_FINISHED'&&num%3!==0) problems.push(id+' finished but exits '+num%3); if(f&&f.state==='TASK_FAILED'&&f.msg!==`Command exited with status ${num%3}`) problems.push(id+' '+f.msg);
   if(f&&f.state==='TASK_DROPPED'&&runs>0) problems.push(id+' dropped but ran'); }
 console.log(counts, problems); child.kill('SIGTERM'); await sleep(700); console.log(fs.readdirSync(wd+'/meta/runs')); process.exit(0); });
