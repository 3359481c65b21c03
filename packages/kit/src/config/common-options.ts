import { logLevels } from '../log';
import { defineOptions } from './option';

/** What every service can be told. A service spreads these and puts its own default ports in. */
export const commonOptions = defineOptions({
  host: {
    kind: 'string',
    default: '127.0.0.1',
    help: 'Address to listen on; anything but a loopback address needs --insecure.',
    placeholder: 'address',
  },
  port: { kind: 'port', default: 0, help: 'Port of the gRPC server; 0 takes any free one.' },
  httpPort: { kind: 'port', default: 0, help: 'Port of the HTTP server; 0 takes any free one.' },
  insecure: {
    kind: 'boolean',
    default: false,
    help: 'Listen on other than loopback addresses without certificates; for private networks only.',
  },
  logLevel: {
    kind: 'string',
    default: 'info',
    choices: logLevels,
    help: 'How much to log.',
    placeholder: 'level',
  },
  advertise: {
    kind: 'address',
    help: 'Address that others use to reach this service; the bound one if not given.',
    placeholder: 'host:port',
  },
  cluster: {
    kind: 'string',
    default: 'meseta',
    help: 'Name of the cluster: agents of another one are refused, and each keeps a record of its own.',
    placeholder: 'name',
  },
});
