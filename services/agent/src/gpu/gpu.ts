/** A gpu of the machine. */
export interface Gpu {
  /** Names it for good: its UUID, or its index where the driver tells none. */
  readonly id: string;
  /** Its place among the machine's gpus as nvidia-smi counts them: by their places on the bus. */
  readonly index: number;
  /** Its device file, and that file's numbers. */
  readonly path: string;
  readonly major: number;
  readonly minor: number;
}

/** Where the driver shows its gpus; others in tests. */
export interface GpuPaths {
  /** Has `gpus/<place on the bus>/information`. */
  readonly driver: string;
  /** Has `nvidia<minor>`, `nvidiactl` and others. */
  readonly devices: string;
  /** The program nvidia-smi, asked where the driver shows no files; a name is looked for on the path. */
  readonly smi: string;
}

/** The gpus of the machine that an agent is on. */
export interface MachineGpus {
  readonly paths: GpuPaths;
  readonly found: readonly Gpu[];
}

export const gpuPathsDefault: GpuPaths = {
  driver: '/proc/driver/nvidia',
  devices: '/dev',
  smi: 'nvidia-smi',
};
