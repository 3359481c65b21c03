// A framework in Java: two tasks on whatever a Meseta cluster offers; one ends by itself, the other is killed.
//
//     ./setup.sh                   generates the stubs from protos/, and compiles
//     ./run.sh 127.0.0.1:5060      the masters, as host:port[,host:port...]; any of them knows the leader

import io.grpc.*;
import java.util.*;
import java.util.concurrent.TimeUnit;
import meseta.v1.Commands.CommandInfo;
import meseta.v1.Frameworks.FrameworkInfo;
import meseta.v1.Frameworks.FrameworkInfo.Capability;
import meseta.v1.Ids.*;
import meseta.v1.Offers.Offer;
import meseta.v1.Resources.Resource;
import meseta.v1.SchedulerServiceGrpc;
import meseta.v1.SchedulerServiceGrpc.SchedulerServiceBlockingStub;
import meseta.v1.SchedulerServiceOuterClass.*;
import meseta.v1.TaskStatusOuterClass.TaskStatus;
import meseta.v1.Tasks.TaskInfo;
import meseta.v1.Values.Value;
import meseta.v1.scheduler.Scheduler.Call;
import meseta.v1.scheduler.Scheduler.Event;

public final class Client {
  static final Map<String, String> COMMANDS = Map.of("hello", "echo hello from Java", "sleeper", "sleep 1000");
  static final Map<String, String> WANTED = Map.of("hello", "TASK_FINISHED", "sleeper", "TASK_KILLED");
  static final List<Resource> NEEDS = List.of(scalar("cpus", 0.1), scalar("mem", 32)); // of each task
  static final List<String> ALIVE = List.of("", "TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_UNREACHABLE");
  static final Metadata.Key<String> LEADER = Metadata.Key.of("meseta-leader", Metadata.ASCII_STRING_MARSHALLER);
  static final long GIVE_UP = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);

  SchedulerServiceBlockingStub master; // the one that leads
  FrameworkID id = FrameworkID.getDefaultInstance(); // given by the master with the first subscription
  final Map<String, String> states = new TreeMap<>(); // of the tasks that were launched
  boolean done;

  public static void main(String[] args) throws InterruptedException {
    Client client = new Client();
    String[] masters = args[0].split(",");
    String address = masters[0];
    for (int turn = 1; !client.done; turn++) {
      try {
        client.subscribe(address);
      } catch (StatusRuntimeException error) {
        if (error.getStatus().getCode() != Status.Code.UNAVAILABLE || System.nanoTime() > GIVE_UP) throw error;
        System.out.println(address + " does not serve: " + error.getStatus().getDescription());
        String leader = error.getTrailers() == null ? null : error.getTrailers().get(LEADER);
        address = leader != null ? leader : masters[turn % masters.length];
        Thread.sleep(200);
      }
    }
    System.out.println("framework " + client.id.getValue() + " is torn down; " + client.states);
    System.exit(client.states.equals(WANTED) ? 0 : 1);
  }

  /** Handles events until both tasks have ended, and tears the framework down. */
  void subscribe(String address) {
    var channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    try {
      master = SchedulerServiceGrpc.newBlockingStub(channel);
      var info = FrameworkInfo.newBuilder().setName("client-java").setUser(System.getProperty("user.name"));
      info.addRoles("clients").setFailoverTimeout(60);
      info.addCapabilities(Capability.newBuilder().setType(Capability.Type.MULTI_ROLE));
      info.addCapabilities(Capability.newBuilder().setType(Capability.Type.PARTITION_AWARE));
      if (id.hasValue()) info.setId(id);
      var request = SubscribeRequest.newBuilder().setSubscribe(Call.Subscribe.newBuilder().setFrameworkInfo(info));
      var limited = master.withDeadlineAfter(GIVE_UP - System.nanoTime(), TimeUnit.NANOSECONDS);
      for (var batches = limited.subscribe(request.build()); batches.hasNext() && !done; ) {
        for (Event event : batches.next().getEventsList()) handle(event, address);
        if (ALIVE.contains(state("hello")) || ALIVE.contains(state("sleeper"))) continue;
        master.teardown(TeardownRequest.newBuilder().setFrameworkId(id).build());
        done = true;
      }
    } finally {
      channel.shutdownNow();
    }
  }

  void handle(Event event, String address) {
    switch (event.getType()) {
      case SUBSCRIBED -> {
        id = event.getSubscribed().getFrameworkId();
        System.out.println("subscribed at " + address + " as " + id.getValue());
        if (!states.isEmpty()) reconcile("sleeper"); // not for the first time: what happened while nobody listened?
      }
      case OFFERS -> event.getOffers().getOffersList().forEach(this::decide);
      case UPDATE -> update(event.getUpdate().getStatus());
      case ERROR -> throw new IllegalStateException("refused: " + event.getError().getMessage());
      default -> {}
    }
  }

  /** Launches both tasks on the first offer with room for them, and gives back every other. */
  void decide(Offer offer) {
    if (!states.isEmpty() || room(offer, "cpus") < 0.2 || room(offer, "mem") < 64) {
      var decline = Call.Decline.newBuilder().addOfferIds(offer.getId());
      master.decline(DeclineRequest.newBuilder().setFrameworkId(id).addDeclines(decline).build());
      return;
    }
    System.out.println("launching hello and sleeper on " + offer.getHostname());
    var operation = Offer.Operation.newBuilder().setType(Offer.Operation.Type.LAUNCH);
    COMMANDS.forEach((name, command) -> {
      states.put(name, "TASK_STAGING");
      var task = TaskInfo.newBuilder().setName(name).setTaskId(TaskID.newBuilder().setValue(name)).addAllResources(NEEDS);
      task.setAgentId(offer.getAgentId()).setCommand(CommandInfo.newBuilder().setValue(command));
      operation.getLaunchBuilder().addTaskInfos(task);
    });
    var accept = Call.Accept.newBuilder().addOfferIds(offer.getId()).addOperations(operation);
    master.accept(AcceptRequest.newBuilder().setFrameworkId(id).addAccepts(accept).build());
    master.suppress(SuppressRequest.newBuilder().setFrameworkId(id).build()); // no more offers
  }

  void update(TaskStatus status) {
    boolean answer = status.getReason() == TaskStatus.Reason.REASON_RECONCILIATION;
    states.put(status.getTaskId().getValue(), status.getState().name());
    System.out.println(status.getTaskId().getValue() + " " + status.getState() + (answer ? " (reconciled)" : ""));
    if (status.hasUuid()) { // until it is acknowledged it comes again
      var seen = Call.Acknowledge.newBuilder().setAgentId(status.getAgentId()).setTaskId(status.getTaskId());
      seen.setUuid(status.getUuid());
      master.acknowledge(AcknowledgeRequest.newBuilder().setFrameworkId(id).addAcknowledgements(seen).build());
    }
    if (ALIVE.contains(state("hello")) || !state("sleeper").equals("TASK_RUNNING")) return;
    var kill = Call.Kill.newBuilder().setTaskId(status.getTaskId()).setAgentId(status.getAgentId());
    if (answer) master.kill(KillRequest.newBuilder().setFrameworkId(id).addKills(kill).build());
    else reconcile("sleeper");
  }

  /** Asks how a task stands; the answer is an update. */
  void reconcile(String task) {
    var one = Call.Reconcile.Task.newBuilder().setTaskId(TaskID.newBuilder().setValue(task));
    var all = Call.Reconcile.newBuilder().addTasks(one);
    master.reconcile(ReconcileRequest.newBuilder().setFrameworkId(id).setReconcile(all).build());
  }

  String state(String task) { return states.getOrDefault(task, ""); }

  static double room(Offer offer, String name) {
    var named = offer.getResourcesList().stream().filter(resource -> resource.getName().equals(name));
    return named.mapToDouble(resource -> resource.getScalar().getValue()).sum();
  }

  static Resource scalar(String name, double value) {
    var scalar = Value.Scalar.newBuilder().setValue(value);
    return Resource.newBuilder().setName(name).setType(Value.Type.SCALAR).setScalar(scalar).build();
  }
}
