/** What a pool holds, in granules and blocks; kept up with every operation so that reading is free. */
export class Counters {
  inUse = 0;
  reserved = 0;
  peakInUse = 0;
  liveBlockCount = 0;
  allocationCount = 0;

  take(size: number): void {
    this.inUse += size;
    if (this.inUse > this.peakInUse) this.peakInUse = this.inUse;
    this.liveBlockCount += 1;
    this.allocationCount += 1;
  }

  give(size: number): void {
    this.inUse -= size;
    this.liveBlockCount -= 1;
  }
}
