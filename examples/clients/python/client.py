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
from meseta.v1 import commands_pb2, frameworks_pb2, ids_pb2, offers_pb2, resources_pb2, tasks_pb2, values_pb2
from meseta.v1 import scheduler_service_pb2 as calls, scheduler_service_pb2_grpc
from meseta.v1.scheduler.scheduler_pb2 import Call, Event
from meseta.v1.task_status_pb2 import TaskState, TaskStatus

COMMANDS = {"hello": "echo hello from Python", "sleeper": "sleep 1000"}
WANTED = {"hello": "TASK_FINISHED", "sleeper": "TASK_KILLED"}
NEEDS = {"cpus": 0.1, "mem": 32}  # of each task
ALIVE = {"", "TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_UNREACHABLE"}
GIVE_UP = time.monotonic() + 120


class Framework:
    def __init__(self):
        self.id = ids_pb2.FrameworkID()  # given by the master with the first subscription
        self.states = {}  # of the tasks that were launched
        self.done = False

    def run(self, masters):
        """Subscribes at the leader, wherever it is now, until both tasks have ended and the framework is torn down."""
        address, turn = masters[0], 0
        while not self.done:
            try:
                with grpc.insecure_channel(address) as channel:
                    self.master = scheduler_service_pb2_grpc.SchedulerServiceStub(channel)
                    self.subscribe(address)
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() > GIVE_UP:
                    sys.exit(f"{error.code().name}: {error.details()}")
                print(f"{address} does not serve: {error.details()}", flush=True)
                turn += 1
                address = dict(error.trailing_metadata() or ()).get("meseta-leader", masters[turn % len(masters)])
                time.sleep(0.2)

    def subscribe(self, address):
        info = frameworks_pb2.FrameworkInfo(name="client-python", user=getpass.getuser(), roles=["clients"])
        info.failover_timeout = 60
        if self.id.value:
            info.id.CopyFrom(self.id)
        for capability in ("MULTI_ROLE", "PARTITION_AWARE"):
            info.capabilities.add(type=capability)
        request = calls.SubscribeRequest(subscribe=Call.Subscribe(framework_info=info))
        for batch in self.master.Subscribe(request, timeout=GIVE_UP - time.monotonic()):
            for event in batch.events:
                self.handle(event, address)
            if all(self.states.get(task, "") not in ALIVE for task in COMMANDS):
                self.master.Teardown(calls.TeardownRequest(framework_id=self.id))
                self.done = True
                return

    def handle(self, event, address):
        if event.type == Event.SUBSCRIBED:
            self.id.CopyFrom(event.subscribed.framework_id)
            print(f"subscribed at {address} as {self.id.value}", flush=True)
            if self.states:  # not for the first time: what happened while nobody listened?
                self.reconcile("sleeper")
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
        if self.states or any(room[name] < len(COMMANDS) * NEEDS[name] for name in NEEDS):
            decline = Call.Decline(offer_ids=[offer.id])
            self.master.Decline(calls.DeclineRequest(framework_id=self.id, declines=[decline]))
            return
        print(f"launching {' and '.join(COMMANDS)} on {offer.hostname}", flush=True)
        operation = offers_pb2.Offer.Operation(type=offers_pb2.Offer.Operation.LAUNCH)
        for task, command in COMMANDS.items():
            self.states[task] = "TASK_STAGING"
            operation.launch.task_infos.append(self.task_info(task, command, offer.agent_id))
        accept = Call.Accept(offer_ids=[offer.id], operations=[operation])
        self.master.Accept(calls.AcceptRequest(framework_id=self.id, accepts=[accept]))
        self.master.Suppress(calls.SuppressRequest(framework_id=self.id))  # no more offers

    def task_info(self, task, command, agent_id):
        def scalar(name, value):
            scalar = values_pb2.Value.Scalar(value=value)
            return resources_pb2.Resource(name=name, type=values_pb2.Value.SCALAR, scalar=scalar)

        return tasks_pb2.TaskInfo(
            name=task,
            task_id=ids_pb2.TaskID(value=task),
            agent_id=agent_id,
            command=commands_pb2.CommandInfo(value=command),
            resources=[scalar(name, value) for name, value in NEEDS.items()],
        )

    def update(self, status):
        task, answer = status.task_id.value, status.reason == TaskStatus.REASON_RECONCILIATION
        self.states[task] = TaskState.Name(status.state)
        print(f"{task} {self.states[task]}{' (reconciled)' if answer else ''}", flush=True)
        if status.uuid:  # until it is acknowledged it comes again
            seen = Call.Acknowledge(agent_id=status.agent_id, task_id=status.task_id, uuid=status.uuid)
            self.master.Acknowledge(calls.AcknowledgeRequest(framework_id=self.id, acknowledgements=[seen]))
        if self.states["hello"] not in ALIVE and self.states["sleeper"] == "TASK_RUNNING":
            if answer:
                kill = Call.Kill(task_id=status.task_id, agent_id=status.agent_id)
                self.master.Kill(calls.KillRequest(framework_id=self.id, kills=[kill]))
            else:
                self.reconcile("sleeper")

    def reconcile(self, task):
        """Asks how a task stands; the answer is an update."""
        ask = Call.Reconcile(tasks=[Call.Reconcile.Task(task_id=ids_pb2.TaskID(value=task))])
        self.master.Reconcile(calls.ReconcileRequest(framework_id=self.id, reconcile=ask))


if __name__ == "__main__":
    framework = Framework()
    framework.run(sys.argv[1].split(","))
    ends = ", ".join(f"{task} {state}" for task, state in framework.states.items())
    print(f"framework {framework.id.value} is torn down; {ends}")
    sys.exit(0 if framework.states == WANTED else 1)
