export interface RankingSettings {
  /** Folder of the benchmark: compiled SQL in `sql/`, results nowhere. */
  folder: string;
  participants: number;
  posts: number;
  /** Arms in force, by policy. */
  policies: string[];
  memoryLimit: string;
  /** Model -> compiled file. */
  compiled: Record<string, string>;
}

export interface SimilaritySettings {
  folder: string;
  participants: number;
  posts: number;
  memoryLimit: string;
  /** Whether pairs are scored too, and with which sort key. */
  pairs: 'none' | 'personal' | 'diversity';
}

export interface Measured {
  seconds: number;
  cpuSeconds: number;
  peakRssMb: number;
  /** What came out: positions of served feeds, or posts that were compared. */
  rows: number;
  /** Model -> CPU seconds, the slowest few. */
  slowest?: Record<string, number>;
}
