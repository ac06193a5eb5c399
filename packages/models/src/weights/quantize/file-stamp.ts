import { open, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";

/** What the system says of a file that no program can change without changing this. */
export async function identifyFile(path: string): Promise<string> {
  const { size, mtimeNs, ctimeNs, ino } = await stat(path, { bigint: true });
  return [size, mtimeNs, ctimeNs, ino].join(" ");
}

/** Whether the file is as it was when it was noted to be whole. */
export async function hasStamp(path: string): Promise<boolean> {
  try {
    return (await readFile(stampOf(path), "utf8")) === (await identifyFile(path));
  } catch {
    return false;
  }
}

/**
 * Notes that a file of this identity is whole, once it is on the disk. Where that cannot be noted, it is compared with
 * its checksums again next time.
 */
export async function writeStamp(path: string, identity: string): Promise<void> {
  try {
    const file = await open(path, "r");
    await file.sync().finally(() => file.close());
    await writeFile(stampOf(path), identity);
  } catch {
    await removeStamp(path);
  }
}

export async function removeStamp(path: string): Promise<void> {
  await rm(stampOf(path), { force: true }).catch(() => undefined);
}

/** Notes that a file was used now, without changing its identity; `false` where it has no stamp. */
export async function touchStamp(path: string): Promise<boolean> {
  const now = new Date();
  return utimes(stampOf(path), now, now).then(
    () => true,
    () => false,
  );
}

/** When the stamp of a file was written or touched; 0 where it has none. */
export async function stampedAtMs(path: string): Promise<number> {
  const stamp = await stat(stampOf(path)).catch(() => undefined);
  return stamp?.mtimeMs ?? 0;
}

function stampOf(path: string): string {
  return `${path}.verified`;
}
