const maxLength = 256;

/** As many models as a daemon serves at most; each has a process of its own. */
export const maxModels = 64;

/** Completes "expected …". */
export const expectedModelId: string = `a name of 1 to ${maxLength} characters, without control characters and outer spaces`;

/** Whether a text can be a model's id or alias. Slashes are allowed, as in `Qwen/Qwen3-0.6B`. */
export function isModelId(text: string): boolean {
  const isLength = text.length > 0 && text.length <= maxLength;
  return isLength && text.trim() === text && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text);
}
