import { isAbsolute, relative } from "node:path";

const ownerAndName =
  /^(?:(?:https?:\/+)?(?:www\.)?huggingface\.co\/+|hf:\/*)?([\w.-]{1,96})\/([\w.-]{1,96})\/?$/;

/** Finds the id of a repository on the Hugging Face Hub in what was given as a path; `undefined` where none was. */
export function hubIdIn(path: string, workingDirectory: string | undefined): string | undefined {
  const isResolved = isAbsolute(path);
  if (isResolved && workingDirectory === undefined) {
    return undefined;
  }
  const given = isResolved ? relative(workingDirectory ?? "", path) : path;
  const [, owner, name] = ownerAndName.exec(given.replaceAll("\\", "/")) ?? [];
  const isId = owner !== undefined && name !== undefined && !/^\.+$/.test(owner) && !/^\.+$/.test(name);
  return isId ? `${owner}/${name}` : undefined;
}

/** What to do about a model that is not there; said always, since some programs would fetch it by themselves. */
export function downloadAdvice(path: string, workingDirectory: string | undefined): string {
  const id = hubIdIn(path, workingDirectory);
  const command = `\`hf download ${id ?? "<owner>/<name>"} --local-dir <directory>\``;
  return id === undefined
    ? `nothing is downloaded by itself; ${command} fetches a model from the Hugging Face Hub`
    : `"${id}" looks like an id on the Hugging Face Hub, and nothing is downloaded by itself: fetch it with ` +
        `${command} and give that directory`;
}
