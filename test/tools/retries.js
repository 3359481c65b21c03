// Tries tests that fail once more, or as often as MESETA_TEST_RETRIES says; none if it is not set. Only those that look at real processes, whose machine may be busy with others: what is pure is
// wrong when it was wrong once, the more so where its cases are random.
const retries = Number(process.env.MESETA_TEST_RETRIES ?? 0);
const isPure = /\/state\/|\/model\/|\/simulat|propert|crash-points|oracle/.test(
  expect.getState().testPath ?? '',
);
if (retries > 0 && !isPure) jest.retryTimes(retries, { logErrorsBeforeRetry: true });
