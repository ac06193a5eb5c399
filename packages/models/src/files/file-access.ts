/** The status of a path; symbolic links are followed. */
export interface FileStat {
  readonly kind: "file" | "directory" | "other";
  readonly sizeBytes: number;
}

/** One file, open for ranged reads. */
export interface OpenFile {
  readonly sizeBytes: number;
  /** Reads from `startByte` into `into`; returns the number of bytes read, which may be fewer, and 0 at the end. */
  read(into: Uint8Array, startByte: number): Promise<number>;
  close(): Promise<void>;
}

/** Access to model files: the file system by default. Rejections become `FILE_UNREADABLE`. */
export interface FileAccess {
  /** `undefined` when nothing is there. */
  stat(path: string): Promise<FileStat | undefined>;
  /** The names in a directory. */
  list(directory: string): Promise<readonly string[]>;
  open(path: string): Promise<OpenFile>;
}
