/** Requests of up to this many granules are allocated in slabs. */
export const largestSmall = 128;
/** Up to this many granules every size is a class; above, there are four per doubling. */
const largestExact = 16;
const runTarget = 1024;

function listClasses(): readonly number[] {
  const sizes: number[] = [];
  for (let size = 1; size <= largestExact; size += 1) sizes.push(size);
  for (let base = largestExact; base < largestSmall; base *= 2) {
    for (let quarter = 5; quarter <= 8; quarter += 1) sizes.push((base * quarter) / 4);
  }
  return sizes;
}

/** `(classes)` granules of a slot. */
export const classSizes: Int32Array = Int32Array.from(listClasses());

/** `(classes)` slots of a run: a run is 256 KiB at most with granules of 256 bytes, and 8 to 64 slots. */
export const classSlots: Int32Array = classSizes.map((size) =>
  Math.min(64, Math.max(8, Math.floor(runTarget / size))),
);

/** `(largestSmall + 1)` the class of a size in granules. */
export const classOf: Int32Array = Int32Array.from({ length: largestSmall + 1 }, (_, size) =>
  classSizes.findIndex((classSize) => classSize >= size),
);
