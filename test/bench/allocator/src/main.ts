import { Report } from './report';
import { decline } from './workloads/decline';

const report = new Report((line) => console.log(line));
decline(report, { agents: 1000, frameworks: 50, mesos: { offers: 44, filtered: 248 } });
decline(report, { agents: 1000, frameworks: 200, mesos: { filtered: 1050 } });
decline(report, { agents: 10_000, frameworks: 50, mesos: { offers: 563, filtered: 3000 } });
decline(report, {
  agents: 10_000,
  frameworks: 200,
  mesos: { offers: 667, filtered: 13_500, add: 745, declineEach: 0.079 },
});
