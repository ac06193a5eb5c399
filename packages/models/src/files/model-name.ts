import { basename, dirname } from "node:path";

/**
 * Names a model by its directory: the last part of the path. A snapshot in the cache of the Hugging Face Hub,
 * `models--<owner>--<name>/snapshots/<revision>`, is named `<owner>/<name>`, as it is on the hub.
 *
 * @see huggingface_hub, `file_download.py`, `repo_folder_name`
 */
export function modelNameOf(directory: string): string {
  const snapshots = dirname(directory);
  const repository = basename(dirname(snapshots));
  if (basename(snapshots) !== "snapshots" || !/^models--./.test(repository)) {
    // The root of a file system has no name.
    return basename(directory) || "model";
  }
  return repository.slice("models--".length).split("--").join("/");
}
