/** Releases what a failure leaves behind, and throws that failure: what the release says follows from it. */
export function releaseAfter(error: unknown, release: () => void): never {
  try {
    release();
  } catch {
    // After an error that a device does not recover from, each call fails.
  }
  throw error;
}
