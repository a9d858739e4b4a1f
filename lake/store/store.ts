/** One file of the lake as a listing shows it. */
export interface StoredFile {
  /** Path from the lake's root, with forward slashes. */
  path: string;
  bytes: number;
  modifiedMs: number;
}

/**
 * A lake is a tree of immutable files with a few small pointers that move. This is all that the parts may do with it;
 * DuckDB reads and writes Parquet by `uri()`.
 */
export interface Lake {
  /** Absolute folder, or `s3://bucket/prefix`. */
  readonly root: string;
  /** What DuckDB opens for a path or a glob: absolute file name or `s3://` URL. */
  uri(path: string): string;
  /** Files below a folder, sorted by path; nothing if it doesn't exist. */
  list(folder: string): Promise<StoredFile[]>;
  /** Content, or null where there is no such file. */
  read(path: string): Promise<Uint8Array | null>;
  exists(path: string): Promise<boolean>;
  /** Puts content in place atomically and durably, replacing what was there. */
  write(path: string, content: Uint8Array | string): Promise<void>;
  /** Like `write`, but only where nothing is there; false if something was. */
  create(path: string, content: Uint8Array | string): Promise<boolean>;
  /** Moves a finished local file into the lake, atomically and durably; the local file is gone afterwards. */
  adopt(localFile: string, path: string): Promise<void>;
  /** Like `adopt`, but the local file stays. */
  upload(localFile: string, path: string): Promise<void>;
  /** Copies a file of the lake to a local one, replacing that; false where there is no such file. */
  download(path: string, localFile: string): Promise<boolean>;
  /** Removes a file; nothing happens if it isn't there. */
  remove(path: string): Promise<void>;
  /** Removes a file and every version that the store kept of it, for good: what erasure needs. */
  purge(path: string): Promise<void>;
  /** Removes every version that isn't the newest, of whatever was ever in the lake: what is gone is gone for good. */
  purgeHistory(): Promise<void>;
  /**
   * Removes what writers that were killed left half written: of a process of this machine that is dead, or a day old; in S3
   * uploads in parts that are a day old.
   * @returns how many it removed
   */
  sweep(nowMs: number): Promise<number>;
  /**
   * Replaces a pointer if it still holds what the caller saw (null: it must not exist yet).
   * @throws FeedtrialError FT_LAKE_POINTER_RACED if another publisher moved it.
   */
  swap(path: string, expected: Uint8Array | null, next: string): Promise<void>;
}
