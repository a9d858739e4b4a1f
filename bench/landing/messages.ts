export interface LandingSettings {
  /** Folder with the spool; the lake is made beside it. */
  folder: string;
  memoryLimit: string;
}

export interface Landed {
  rows: number;
  files: number;
  seconds: number;
  cpuSeconds: number;
  peakRssMb: number;
}
