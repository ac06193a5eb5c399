/** The reason that ends a generation which was cancelled: asked for, or because its readers left for too long. */
export class CancelledError extends Error {
  override readonly name: string = "CancelledError";
  readonly code: string = "RESPONSE_CANCELLED";

  constructor(why: string) {
    super(`the response was cancelled: ${why}`);
  }
}
