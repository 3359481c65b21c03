import { failure, type Failure } from '@meseta/model';
import type { CheckInfo, HealthCheck, TaskInfo } from '@meseta/protocol';

/** The rules of a task's check and health check (S94, T70 – T77). */
export function validateChecks({ check, healthCheck }: TaskInfo): Failure | undefined {
  return (
    (check === undefined ? undefined : validateCheck(check)) ??
    (healthCheck === undefined ? undefined : validateHealthCheck(healthCheck))
  );
}

function validateCheck(check: CheckInfo): Failure | undefined {
  const refuse = (field: string, rule: string): Failure =>
    failure('invalid', `check.${field} ${rule}`, { field: `check.${field}` });
  switch (check.type as string | undefined) {
    case 'COMMAND':
      if ((check.command?.command?.value ?? '') === '' && (check.command?.command?.shell ?? true))
        return refuse('command.command.value', 'must be set for the type COMMAND');
      break;
    case 'HTTP':
      if (!isPort(check.http?.port)) return refuse('http.port', 'must be a port for the type HTTP');
      if (!isPath(check.http?.path)) return refuse('http.path', "must begin with '/'");
      break;
    case 'TCP':
      if (!isPort(check.tcp?.port)) return refuse('tcp.port', 'must be a port for the type TCP');
      break;
    default:
      return refuse('type', 'must be COMMAND, HTTP or TCP');
  }
  return validateTimes('check', check);
}

function validateHealthCheck(check: HealthCheck): Failure | undefined {
  const refuse = (field: string, rule: string): Failure =>
    failure('invalid', `health_check.${field} ${rule}`, { field: `health_check.${field}` });
  switch (check.type as string | undefined) {
    case 'COMMAND':
      if ((check.command?.value ?? '') === '' && (check.command?.shell ?? true))
        return refuse('command.value', 'must be set for the type COMMAND');
      break;
    case 'HTTP': {
      const { http } = check;
      if (!isPort(http?.port)) return refuse('http.port', 'must be a port for the type HTTP');
      if (!['http', 'https'].includes(http?.scheme ?? 'http'))
        return refuse('http.scheme', 'must be http or https');
      if (!isPath(http?.path)) return refuse('http.path', "must begin with '/'");
      break;
    }
    case 'TCP':
      if (!isPort(check.tcp?.port)) return refuse('tcp.port', 'must be a port for the type TCP');
      break;
    default:
      return refuse('type', 'must be COMMAND, HTTP or TCP');
  }
  if (isNegative(check.gracePeriodSeconds)) return refuse('grace_period_seconds', 'must not be negative');
  return validateTimes('health_check', check);
}

function validateTimes(field: string, check: CheckInfo | HealthCheck): Failure | undefined {
  for (const [name, seconds] of [
    ['delay_seconds', check.delaySeconds],
    ['interval_seconds', check.intervalSeconds],
    ['timeout_seconds', check.timeoutSeconds],
  ] as const) {
    if (isNegative(seconds))
      return failure('invalid', `${field}.${name} must not be negative`, { field: `${field}.${name}` });
  }
  return undefined;
}

function isNegative(seconds: number | undefined): boolean {
  return seconds !== undefined && !(seconds >= 0);
}

function isPort(port: number | undefined): boolean {
  return port !== undefined && port > 0 && port <= 65_535;
}

function isPath(path: string | undefined): boolean {
  return path === undefined || path === '' || path.startsWith('/');
}
