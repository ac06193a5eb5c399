import { basename, dirname, isAbsolute, relative } from "node:path";

const ownerAndName =
  /^(?:(?:https?:\/+)?(?:www\.)?huggingface\.co\/+|hf:\/*)?([\w.-]{1,96})\/([\w.-]{1,96})\/?$/;

/**
 * Names a model by its directory: the last part of the path. A snapshot in the cache of the Hugging Face Hub,
 * `models--<owner>--<name>/snapshots/<revision>`, is named `<owner>/<name>`, as it is on the hub. A GGUF file is named
 * without its ending and the number of its part.
 *
 * @see huggingface_hub, `file_download.py`, `repo_folder_name`
 */
export function modelNameOf(directory: string): string {
  const snapshots = dirname(directory);
  const repository = basename(dirname(snapshots));
  if (basename(snapshots) !== "snapshots" || !/^models--./.test(repository)) {
    // The root directory has no name.
    return basename(directory).replace(/(?:-\d{5}-of-\d{5})?\.gguf$/i, "") || "model";
  }
  return repository.slice("models--".length).split("--").join("/");
}

/** Finds the id of a repository on the Hugging Face Hub in a path; `undefined` where there is none. */
export function parseHubId(path: string, workingDirectory: string | undefined): string | undefined {
  const isResolved = isAbsolute(path);
  if (isResolved && workingDirectory === undefined) {
    return undefined;
  }
  const given = isResolved ? relative(workingDirectory ?? "", path) : path;
  const [, owner, name] = ownerAndName.exec(given.replaceAll("\\", "/")) ?? [];
  const isId = owner !== undefined && name !== undefined && !/^\.+$/.test(owner) && !/^\.+$/.test(name);
  return isId ? `${owner}/${name}` : undefined;
}

/** What to do about a missing model: other programs would download it, this one does not. */
export function downloadAdvice(path: string, workingDirectory: string | undefined): string {
  const id = parseHubId(path, workingDirectory);
  const command = `\`hf download ${id ?? "<owner>/<name>"} --local-dir <directory>\``;
  return id === undefined
    ? `models are not downloaded automatically; ${command} downloads one from the Hugging Face Hub`
    : `"${id}" looks like an id on the Hugging Face Hub, and models are not downloaded automatically: ` +
        `download it with ${command} and name that directory`;
}
