import { failure, isFailure, type Failure } from '@meseta/model';
import { authFor, readDockerConfig, readSandboxConfig, type RegistryAuth } from './registry-auth';

/** Who the agent is to registries. */
export class Credentials {
  /** @param given the path of a configuration of Docker, or one itself as JSON (`--docker-config`) */
  constructor(private readonly given: string | undefined) {}

  /** What is wrong with what was given, if it cannot be read. */
  async check(): Promise<Failure | undefined> {
    const read = await readDockerConfig(this.given);
    return isFailure(read) ? failure('invalid', `${read.message} (--docker-config)`) : undefined;
  }

  /**
   * The credentials for an image: those that the task brought into its sandbox, else the agent's. Both are read anew, as they may have been
   * exchanged.
   */
  async for(image: string, sandbox: string): Promise<RegistryAuth | Failure | undefined> {
    const own = await readSandboxConfig(sandbox);
    if (isFailure(own)) return own;
    const auth = authFor(own, image);
    if (auth !== undefined) return auth;
    const agents = await readDockerConfig(this.given);
    return isFailure(agents) ? agents : authFor(agents, image);
  }
}
