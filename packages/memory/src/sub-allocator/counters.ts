/** The totals of a pool in granules and blocks, updated with every operation, so that reading them is cheap. */
export class Counters {
  inUse = 0;
  reserved = 0;
  peakInUse = 0;
  liveBlockCount = 0;
  allocationCount = 0;

  add(size: number): void {
    this.inUse += size;
    if (this.inUse > this.peakInUse) this.peakInUse = this.inUse;
    this.liveBlockCount += 1;
    this.allocationCount += 1;
  }

  remove(size: number): void {
    this.inUse -= size;
    this.liveBlockCount -= 1;
  }
}
