// A framework in Go: two tasks on whatever a Meseta cluster offers; one ends by itself, the other is killed.
//
//	./setup.sh                   generates the stubs from protos/, and builds
//	./run.sh 127.0.0.1:5060      the masters, as host:port[,host:port...]; any of them knows the leader
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	v1 "meseta-client/gen/meseta/v1"
	"meseta-client/gen/meseta/v1/scheduler"
	"meseta-client/gen/meseta/v1/services"
)

var ctx, _ = context.WithTimeout(context.Background(), 2*time.Minute) // for all that this program does
var commands = map[string]string{"hello": "echo hello from Go", "sleeper": "sleep 1000"}
var needs = []*v1.Resource{ // of each task
	{Name: proto.String("cpus"), Type: v1.Value_SCALAR.Enum(), Scalar: &v1.Value_Scalar{Value: proto.Float64(0.1)}},
	{Name: proto.String("mem"), Type: v1.Value_SCALAR.Enum(), Scalar: &v1.Value_Scalar{Value: proto.Float64(32)}},
}
var alive = map[string]bool{"": true, "TASK_STAGING": true, "TASK_STARTING": true, "TASK_RUNNING": true, "TASK_UNREACHABLE": true}

var askSleeper = &scheduler.Call_Reconcile{Tasks: []*scheduler.Call_Reconcile_Task{{TaskId: &v1.TaskID{Value: proto.String("sleeper")}}}}

type framework struct {
	services.SchedulerServiceClient                   // of the master that leads
	id                              *v1.FrameworkID   // given by the master with the first subscription
	states                          map[string]string // of the tasks that were launched
}

func main() {
	f := &framework{states: map[string]string{}}
	masters := strings.Split(os.Args[1], ",")
	for address, turn := masters[0], 1; ; turn++ {
		leader, err := f.subscribe(address)
		if check(leader, err); err == nil {
			break
		}
		fmt.Printf("%s does not serve: %s\n", address, status.Convert(err).Message())
		address = cmp.Or(leader, masters[turn%len(masters)])
		time.Sleep(200 * time.Millisecond)
	}
	fmt.Printf("framework %s is torn down; hello %s, sleeper %s\n", f.id.GetValue(), f.states["hello"], f.states["sleeper"])
	if f.states["hello"] != "TASK_FINISHED" || f.states["sleeper"] != "TASK_KILLED" {
		os.Exit(1)
	}
}

// subscribe handles events until both tasks have ended. When this master does not serve, it returns who leads, if that is known.
func (f *framework) subscribe(address string) (leader string, err error) {
	channel, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(channel, err)
	defer channel.Close()
	f.SchedulerServiceClient = services.NewSchedulerServiceClient(channel)
	info := &v1.FrameworkInfo{Id: f.id, Name: proto.String("client-go"), User: proto.String(os.Getenv("USER")),
		Roles: []string{"clients"}, FailoverTimeout: proto.Float64(60), Capabilities: []*v1.FrameworkInfo_Capability{
			{Type: v1.FrameworkInfo_Capability_MULTI_ROLE.Enum()}, {Type: v1.FrameworkInfo_Capability_PARTITION_AWARE.Enum()}}}
	stream, err := f.Subscribe(ctx, &services.SubscribeRequest{Subscribe: &scheduler.Call_Subscribe{FrameworkInfo: info}})
	if err != nil {
		return "", err
	}
	for {
		batch, err := stream.Recv()
		if err != nil {
			return strings.Join(stream.Trailer().Get("meseta-leader"), ""), err
		}
		for _, event := range batch.Events {
			switch event.GetType() {
			case scheduler.Event_SUBSCRIBED:
				f.id = event.Subscribed.FrameworkId
				fmt.Printf("subscribed at %s as %s\n", address, f.id.GetValue())
				if len(f.states) > 0 { // not for the first time: what happened while nobody listened?
					check(f.Reconcile(ctx, &services.ReconcileRequest{FrameworkId: f.id, Reconcile: askSleeper}))
				}
			case scheduler.Event_OFFERS:
				for _, offer := range event.Offers.Offers {
					f.decide(offer)
				}
			case scheduler.Event_UPDATE:
				f.update(event.Update.Status)
			case scheduler.Event_ERROR:
				log.Fatalf("refused: %s", event.Error.GetMessage())
			}
		}
		if !alive[f.states["hello"]] && !alive[f.states["sleeper"]] {
			_, err = f.Teardown(ctx, &services.TeardownRequest{FrameworkId: f.id})
			return "", err
		}
	}
}

// decide launches both tasks on the first offer with room for them, and gives back every other.
func (f *framework) decide(offer *v1.Offer) {
	ids, room := []*v1.OfferID{offer.Id}, map[string]float64{}
	for _, resource := range offer.Resources {
		room[resource.GetName()] += resource.GetScalar().GetValue()
	}
	if len(f.states) > 0 || room["cpus"] < 0.2 || room["mem"] < 64 {
		check(f.Decline(ctx, &services.DeclineRequest{FrameworkId: f.id, Declines: []*scheduler.Call_Decline{{OfferIds: ids}}}))
		return
	}
	fmt.Println("launching hello and sleeper on", offer.GetHostname())
	launch := &v1.Offer_Operation_Launch{}
	for name, command := range commands {
		f.states[name] = "TASK_STAGING"
		launch.TaskInfos = append(launch.TaskInfos, &v1.TaskInfo{Name: &name, TaskId: &v1.TaskID{Value: &name},
			AgentId: offer.AgentId, Resources: needs, Command: &v1.CommandInfo{Value: &command}})
	}
	operations := []*v1.Offer_Operation{{Type: v1.Offer_Operation_LAUNCH.Enum(), Launch: launch}}
	accepts := []*scheduler.Call_Accept{{OfferIds: ids, Operations: operations}}
	check(f.Accept(ctx, &services.AcceptRequest{FrameworkId: f.id, Accepts: accepts}))
	check(f.Suppress(ctx, &services.SuppressRequest{FrameworkId: f.id})) // no more offers
}

func (f *framework) update(news *v1.TaskStatus) {
	task, answer := news.TaskId.GetValue(), news.GetReason() == v1.TaskStatus_REASON_RECONCILIATION
	f.states[task] = news.GetState().String()
	fmt.Printf("%s %s%s\n", task, f.states[task], map[bool]string{true: " (reconciled)"}[answer])
	if len(news.Uuid) > 0 { // until it is acknowledged it comes again
		seen := []*scheduler.Call_Acknowledge{{AgentId: news.AgentId, TaskId: news.TaskId, Uuid: news.Uuid}}
		check(f.Acknowledge(ctx, &services.AcknowledgeRequest{FrameworkId: f.id, Acknowledgements: seen}))
	}
	if !alive[f.states["hello"]] && f.states["sleeper"] == "TASK_RUNNING" {
		if answer {
			kill := &scheduler.Call_Kill{TaskId: news.TaskId, AgentId: news.AgentId}
			check(f.Kill(ctx, &services.KillRequest{FrameworkId: f.id, Kills: []*scheduler.Call_Kill{kill}}))
		} else {
			check(f.Reconcile(ctx, &services.ReconcileRequest{FrameworkId: f.id, Reconcile: askSleeper}))
		}
	}
}

// check ends the program when a call was refused; one that reached no leader is for the loop in main, since the stream broke as well.
func check(_ any, err error) {
	if err != nil && status.Code(err) != codes.Unavailable {
		log.Fatal(err)
	}
}
