// Turn taking: whoever was offered something least often comes first, however much it holds, and the largest machines are given out first.
//
//   node bin/service allocator --role-sorter examples/turn-taking-policy/policy.js \
//     --framework-sorter examples/turn-taking-policy/policy.js --agent-order examples/turn-taking-policy/policy.js

/** @type {import('@meseta/allocator/policy').Policy} */
exports.policy = {
  name: 'turn-taking',

  sorter: {
    // A weight of 2 is two turns for one.
    key: ({ offers, weight }) => offers / weight,
  },

  agents: {
    // The smallest key is first.
    key: (agent) => -agent.total('cpus'),
  },
};
