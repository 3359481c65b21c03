// A framework in Go: two tasks on whatever a Meseta cluster offers; one ends by itself, the other is killed.
//
//	./setup.sh                   generates the stubs from protos/, and builds
//	./run.sh 127.0.0.1:5060      the masters, as host:port[,host:port...]; any of them knows the leader
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/user"
	"strings"
	"time"

	v1 "meseta-client/gen/meseta/v1"
	"meseta-client/gen/meseta/v1/scheduler"
	"meseta-client/gen/meseta/v1/services"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// What runs, how each task should end, and the resources of each.
var (
	names    = []string{"hello", "sleeper"}
	commands = map[string]string{"hello": "echo hello from Go", "sleeper": "sleep 1000"}
	wanted   = map[string]v1.TaskState{"hello": v1.TaskState_TASK_FINISHED, "sleeper": v1.TaskState_TASK_KILLED}
	needs    = map[string]float64{"cpus": 0.1, "mem": 32}
)

type framework struct {
	id       *v1.FrameworkID // the master gives one with the first subscription
	master   services.SchedulerServiceClient
	launched bool
	states   map[string]v1.TaskState // the newest of each task
	tries    int                     // connections that may fail before this gives up
}

func alive(state v1.TaskState) bool {
	switch state {
	case v1.TaskState_TASK_STAGING, v1.TaskState_TASK_STARTING, v1.TaskState_TASK_RUNNING,
		v1.TaskState_TASK_KILLING, v1.TaskState_TASK_UNREACHABLE:
		return true
	}
	return false
}

func (f *framework) over() bool { return !alive(f.states["hello"]) && !alive(f.states["sleeper"]) }

// run subscribes at the leader, wherever it is now, until both tasks have ended and the framework is torn down.
func (f *framework) run(ctx context.Context, masters []string) error {
	address := masters[0]
	for turn := 1; ; turn++ {
		var trailer metadata.MD
		err := f.subscribe(ctx, address, &trailer)
		if err == nil {
			return nil
		}
		if f.tries--; status.Code(err) != codes.Unavailable || f.tries == 0 {
			return err
		}
		fmt.Printf("%s does not serve: %s\n", address, status.Convert(err).Message())
		if leader := trailer.Get("meseta-leader"); len(leader) > 0 {
			address = leader[0]
			time.Sleep(100 * time.Millisecond)
		} else {
			address = masters[turn%len(masters)]
			time.Sleep(500 * time.Millisecond)
		}
	}
}

func (f *framework) subscribe(ctx context.Context, address string, trailer *metadata.MD) error {
	// A connection whose other end has vanished is noticed after these.
	alive := grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second})
	channel, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), alive)
	if err != nil {
		return err
	}
	defer channel.Close()
	f.master = services.NewSchedulerServiceClient(channel)
	whoami, err := user.Current()
	if err != nil {
		return err
	}
	info := &v1.FrameworkInfo{Id: f.id, Name: proto.String("client-go"), User: &whoami.Username,
		Roles: []string{"clients"}, FailoverTimeout: proto.Float64(60)}
	for _, capability := range []v1.FrameworkInfo_Capability_Type{v1.FrameworkInfo_Capability_MULTI_ROLE,
		v1.FrameworkInfo_Capability_PARTITION_AWARE, v1.FrameworkInfo_Capability_RESERVATION_REFINEMENT} {
		info.Capabilities = append(info.Capabilities, &v1.FrameworkInfo_Capability{Type: capability.Enum()})
	}
	stream, err := f.master.Subscribe(ctx, &services.SubscribeRequest{Subscribe: &scheduler.Call_Subscribe{FrameworkInfo: info}})
	if err != nil {
		return err
	}
	for {
		batch, err := stream.Recv()
		if err != nil {
			*trailer = stream.Trailer()
			return err
		}
		for _, event := range batch.Events {
			if err := f.handle(ctx, event, address); err != nil {
				return err
			}
		}
		if f.over() {
			_, err := f.master.Teardown(ctx, &services.TeardownRequest{FrameworkId: f.id})
			return err
		}
	}
}

func (f *framework) handle(ctx context.Context, event *scheduler.Event, address string) error {
	switch event.GetType() {
	case scheduler.Event_SUBSCRIBED:
		f.id, f.tries = event.Subscribed.FrameworkId, 60
		fmt.Printf("subscribed at %s as %s\n", address, f.id.GetValue())
		if f.launched { // what happened while nobody listened?
			return f.reconcile(ctx)
		}
	case scheduler.Event_OFFERS:
		for _, offer := range event.Offers.Offers {
			if err := f.decide(ctx, offer); err != nil {
				return err
			}
		}
	case scheduler.Event_UPDATE:
		return f.update(ctx, event.Update.Status)
	case scheduler.Event_ERROR:
		return fmt.Errorf("refused: %s", event.Error.GetMessage())
	}
	return nil
}

// decide launches both tasks on the first offer with room for them, and gives back every other.
func (f *framework) decide(ctx context.Context, offer *v1.Offer) error {
	room := map[string]float64{}
	for _, resource := range offer.Resources {
		room[resource.GetName()] += resource.GetScalar().GetValue()
	}
	ids, refuse := []*v1.OfferID{offer.Id}, &v1.Filters{RefuseSeconds: proto.Float64(3600)}
	if f.launched || room["cpus"] < 2*needs["cpus"] || room["mem"] < 2*needs["mem"] {
		if !f.launched {
			refuse.RefuseSeconds = proto.Float64(1)
		}
		decline := &scheduler.Call_Decline{OfferIds: ids, Filters: refuse}
		_, err := f.master.Decline(ctx, &services.DeclineRequest{FrameworkId: f.id, Declines: []*scheduler.Call_Decline{decline}})
		return err
	}
	fmt.Printf("launching %s on %s\n", strings.Join(names, " and "), offer.GetHostname())
	f.launched = true
	launch := &v1.Offer_Operation{Type: v1.Offer_Operation_LAUNCH.Enum(), Launch: &v1.Offer_Operation_Launch{}}
	for _, name := range names {
		task := &v1.TaskInfo{Name: &name, TaskId: &v1.TaskID{Value: &name}, AgentId: offer.AgentId,
			Command: &v1.CommandInfo{Shell: proto.Bool(true), Value: proto.String(commands[name])}}
		for resource, value := range needs {
			task.Resources = append(task.Resources, &v1.Resource{Name: &resource,
				Type: v1.Value_SCALAR.Enum(), Scalar: &v1.Value_Scalar{Value: &value}})
		}
		launch.Launch.TaskInfos = append(launch.Launch.TaskInfos, task)
	}
	accept := &scheduler.Call_Accept{OfferIds: ids, Operations: []*v1.Offer_Operation{launch}, Filters: refuse}
	_, err := f.master.Accept(ctx, &services.AcceptRequest{FrameworkId: f.id, Accepts: []*scheduler.Call_Accept{accept}})
	return err
}

func (f *framework) update(ctx context.Context, news *v1.TaskStatus) error {
	task, answer := news.TaskId.GetValue(), news.Reason != nil && *news.Reason == v1.TaskStatus_REASON_RECONCILIATION
	if alive(f.states[task]) {
		f.states[task] = news.GetState()
		fmt.Printf("%s: %s%s\n", task, news.GetState(), map[bool]string{true: " (reconciled)"}[answer])
	}
	if len(news.Uuid) > 0 { // until it is acknowledged it comes again
		seen := &scheduler.Call_Acknowledge{AgentId: news.AgentId, TaskId: news.TaskId, Uuid: news.Uuid}
		if _, err := f.master.Acknowledge(ctx, &services.AcknowledgeRequest{FrameworkId: f.id,
			Acknowledgements: []*scheduler.Call_Acknowledge{seen}}); err != nil {
			return err
		}
	}
	if alive(f.states["hello"]) || f.states["sleeper"] != v1.TaskState_TASK_RUNNING {
		return nil
	}
	if !answer {
		return f.reconcile(ctx)
	}
	kill := &scheduler.Call_Kill{TaskId: &v1.TaskID{Value: &names[1]}, AgentId: news.AgentId}
	_, err := f.master.Kill(ctx, &services.KillRequest{FrameworkId: f.id, Kills: []*scheduler.Call_Kill{kill}})
	return err
}

// reconcile asks how the tasks stand that are not known to have ended; the answers are updates.
func (f *framework) reconcile(ctx context.Context) error {
	ask := &scheduler.Call_Reconcile{}
	for _, name := range names {
		if alive(f.states[name]) {
			ask.Tasks = append(ask.Tasks, &scheduler.Call_Reconcile_Task{TaskId: &v1.TaskID{Value: &name}})
		}
	}
	_, err := f.master.Reconcile(ctx, &services.ReconcileRequest{FrameworkId: f.id, Reconcile: ask})
	return err
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: run.sh HOST:PORT[,HOST:PORT...]")
	}
	staging := v1.TaskState_TASK_STAGING
	f := &framework{tries: 60, states: map[string]v1.TaskState{"hello": staging, "sleeper": staging}}
	if err := f.run(context.Background(), strings.Split(os.Args[1], ",")); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("framework %s is torn down; hello %s, sleeper %s\n", f.id.GetValue(), f.states["hello"], f.states["sleeper"])
	if f.states["hello"] != wanted["hello"] || f.states["sleeper"] != wanted["sleeper"] {
		os.Exit(1)
	}
}
