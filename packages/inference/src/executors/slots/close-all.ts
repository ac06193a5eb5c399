import { InferenceError, reasonOf } from "../../errors.ts";

/** Frees something. */
export type Closer = () => void | Promise<void> | undefined;

/** Closes all, last first, then throws the first failure. @throws InferenceError `EXECUTOR_FAILED` */
export async function closeAll(executor: string, closers: Closer[]): Promise<void> {
  const errors: unknown[] = [];
  for (const close of closers.splice(0).toReversed()) {
    try {
      await close();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) {
    const message = `the ${executor} executor could not be disposed: ${reasonOf(errors[0])}`;
    throw new InferenceError("EXECUTOR_FAILED", message, { cause: errors[0] });
  }
}
