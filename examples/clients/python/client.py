"""A framework in Python: two tasks on whatever a Meseta cluster offers; one ends by itself, the other is killed.

    ./setup.sh                   once: a virtual environment, and the stubs from protos/
    ./run.sh 127.0.0.1:5060      the masters, as host:port[,host:port...]; any of them knows the leader
"""

import getpass
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "gen"))

import grpc
from meseta.v1 import commands_pb2, frameworks_pb2, ids_pb2, offers_pb2
from meseta.v1 import scheduler_service_pb2 as calls, scheduler_service_pb2_grpc, tasks_pb2, values_pb2
from meseta.v1.scheduler.scheduler_pb2 import Call, Event
from meseta.v1.task_status_pb2 import TaskState, TaskStatus

# What runs, how each task should end, and the resources of each.
COMMANDS = {"hello": "echo hello from Python", "sleeper": "sleep 1000"}
WANTED = {"hello": "TASK_FINISHED", "sleeper": "TASK_KILLED"}
NEEDS = {"cpus": 0.1, "mem": 32}
ALIVE = {"TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_UNREACHABLE"}
# A connection whose other end has vanished is noticed after these.
KEEPALIVE = [("grpc.keepalive_time_ms", 20_000), ("grpc.keepalive_timeout_ms", 10_000)]


class Framework:
    def __init__(self, masters):
        self.masters = masters
        self.id = ids_pb2.FrameworkID()  # the master gives one with the first subscription
        self.launched = self.done = False
        self.tasks = {}  # task id -> the newest TaskStatus
        self.tries = 60  # connections that may fail before this gives up

    def state(self, task):
        return TaskState.Name(self.tasks[task].state) if task in self.tasks else "TASK_STAGING"

    def over(self):
        return all(self.state(task) not in ALIVE for task in COMMANDS)

    def run(self):
        """Subscribes at the leader, wherever it is now, until both tasks have ended and it is torn down."""
        address, turn = self.masters[0], 0
        while not self.done:
            try:
                with grpc.insecure_channel(address, KEEPALIVE) as channel:
                    self.master = scheduler_service_pb2_grpc.SchedulerServiceStub(channel)
                    self.subscribe(address)
            except grpc.RpcError as error:
                self.tries -= 1
                if error.code() != grpc.StatusCode.UNAVAILABLE or self.tries == 0:
                    raise
                leader = dict(error.trailing_metadata() or ()).get("meseta-leader")
                print(f"{address} does not serve: {error.details()}", flush=True)
                turn += 1
                address = leader or self.masters[turn % len(self.masters)]
                time.sleep(0.1 if leader else 0.5)

    def subscribe(self, address):
        info = frameworks_pb2.FrameworkInfo(
            name="client-python", user=getpass.getuser(), roles=["clients"], failover_timeout=60,
            id=self.id if self.id.value else None,
        )
        for capability in ("MULTI_ROLE", "PARTITION_AWARE", "RESERVATION_REFINEMENT"):
            info.capabilities.add(type=capability)
        for batch in self.master.Subscribe(calls.SubscribeRequest(subscribe=Call.Subscribe(framework_info=info))):
            for event in batch.events:
                self.handle(event, address)
            if self.over():
                self.master.Teardown(calls.TeardownRequest(framework_id=self.id))
                self.done = True
                return

    def handle(self, event, address):
        if event.type == Event.SUBSCRIBED:
            self.tries = 60
            self.id.CopyFrom(event.subscribed.framework_id)
            print(f"subscribed at {address} as {self.id.value}", flush=True)
            if self.launched:  # what happened while nobody listened?
                self.reconcile()
        elif event.type == Event.OFFERS:
            for offer in event.offers.offers:
                self.decide(offer)
        elif event.type == Event.UPDATE:
            self.update(event.update.status)
        elif event.type == Event.ERROR:
            sys.exit(f"refused: {event.error.message}")

    def decide(self, offer):
        """Launches both tasks on the first offer with room for them, and gives back every other."""
        room = {name: sum(r.scalar.value for r in offer.resources if r.name == name) for name in NEEDS}
        if self.launched or any(room[name] < len(COMMANDS) * NEEDS[name] for name in NEEDS):
            refuse = offers_pb2.Filters(refuse_seconds=3600 if self.launched else 1)
            decline = Call.Decline(offer_ids=[offer.id], filters=refuse)
            self.master.Decline(calls.DeclineRequest(framework_id=self.id, declines=[decline]))
            return
        print(f"launching {' and '.join(COMMANDS)} on {offer.hostname}", flush=True)
        self.launched = True
        launch = offers_pb2.Offer.Operation(type=offers_pb2.Offer.Operation.LAUNCH)
        for task, command in COMMANDS.items():
            info = launch.launch.task_infos.add(name=task, task_id=ids_pb2.TaskID(value=task), agent_id=offer.agent_id)
            info.command.CopyFrom(commands_pb2.CommandInfo(shell=True, value=command))
            for name, value in NEEDS.items():
                info.resources.add(name=name, type=values_pb2.Value.SCALAR, scalar=values_pb2.Value.Scalar(value=value))
        accept = Call.Accept(offer_ids=[offer.id], operations=[launch], filters=offers_pb2.Filters(refuse_seconds=3600))
        self.master.Accept(calls.AcceptRequest(framework_id=self.id, accepts=[accept]))

    def update(self, status):
        task, answer = status.task_id.value, status.reason == TaskStatus.REASON_RECONCILIATION
        if self.state(task) in ALIVE:
            self.tasks[task] = status
            print(f"{task}: {self.state(task)}{' (reconciled)' if answer else ''}", flush=True)
        if status.uuid:  # until it is acknowledged it comes again
            seen = Call.Acknowledge(agent_id=status.agent_id, task_id=status.task_id, uuid=status.uuid)
            self.master.Acknowledge(calls.AcknowledgeRequest(framework_id=self.id, acknowledgements=[seen]))
        if self.state("hello") not in ALIVE and self.state("sleeper") == "TASK_RUNNING":
            if answer:
                kill = Call.Kill(task_id=ids_pb2.TaskID(value="sleeper"), agent_id=status.agent_id)
                self.master.Kill(calls.KillRequest(framework_id=self.id, kills=[kill]))
            else:
                self.reconcile()

    def reconcile(self):
        """Asks how the tasks stand that are not known to have ended; the answers are updates."""
        ask = [Call.Reconcile.Task(task_id=ids_pb2.TaskID(value=t)) for t in COMMANDS if self.state(t) in ALIVE]
        self.master.Reconcile(calls.ReconcileRequest(framework_id=self.id, reconcile=Call.Reconcile(tasks=ask)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: run.sh HOST:PORT[,HOST:PORT...]")
    framework = Framework(sys.argv[1].split(","))
    framework.run()
    ends = {task: framework.state(task) for task in COMMANDS}
    print(f"framework {framework.id.value} is torn down; " + ", ".join(f"{t} {s}" for t, s in ends.items()))
    sys.exit(0 if ends == WANTED else 1)
