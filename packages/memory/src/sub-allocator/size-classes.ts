/** Up to this many granules a request is served from a slab. */
export const LARGEST_SMALL = 128;
/** Up to this many granules every size is a class of its own; above, four to a doubling. */
const LARGEST_EXACT = 16;
const RUN_TARGET = 1024;

function listClasses(): readonly number[] {
  const sizes: number[] = [];
  for (let size = 1; size <= LARGEST_EXACT; size += 1) sizes.push(size);
  for (let base = LARGEST_EXACT; base < LARGEST_SMALL; base *= 2) {
    for (let quarter = 5; quarter <= 8; quarter += 1) sizes.push((base * quarter) / 4);
  }
  return sizes;
}

/** `(classes)` granules of a slot. */
export const CLASS_SIZES: Int32Array = Int32Array.from(listClasses());

/** `(classes)` slots of a run: a run is 256 KiB at most with granules of 256 bytes, and 8 to 64 slots. */
export const CLASS_SLOTS: Int32Array = CLASS_SIZES.map((size) =>
  Math.min(64, Math.max(8, Math.floor(RUN_TARGET / size))),
);

/** `(LARGEST_SMALL + 1)` the class of a size in granules. */
export const CLASS_OF: Int32Array = Int32Array.from({ length: LARGEST_SMALL + 1 }, (_, size) =>
  CLASS_SIZES.findIndex((classSize) => classSize >= size),
);
