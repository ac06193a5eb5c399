import { daemonSettings } from "./daemon-settings.ts";
import { discoverySettings } from "./discovery-settings.ts";
import { gatewaySettings } from "./gateway-settings.ts";
import { engineSettings } from "./engine-settings.ts";
import { modelSettings } from "./model-settings.ts";
import { serverSettings } from "./server-settings.ts";
import { sessionSettings } from "./session-settings.ts";
import type { Setting } from "./setting.ts";
import { storeSettings } from "./store-settings.ts";

/** Every setting, in the order of the printed configuration. */
export const settings: readonly Setting[] = [
  ...serverSettings,
  ...sessionSettings,
  ...modelSettings,
  ...engineSettings,
  ...storeSettings,
  ...daemonSettings,
  ...discoverySettings,
  ...gatewaySettings,
];

const namePath = "model.name";

/** The id of the only model. In the map `models` the key of an entry takes its place. */
export const modelNameSetting: Setting = settingAt(namePath);

/**
 * The settings of an entry in the map `models`, by their key there: those of the sections `model` (`path`) and
 * `engine` (`engine.threads`).
 */
export const modelEntrySettings: ReadonlyMap<string, Setting> = new Map(
  [...modelSettings, ...engineSettings]
    .filter(({ path }) => path !== namePath)
    .map((setting) => [setting.path.replace(/^model\./, ""), setting]),
);

function settingAt(path: string): Setting {
  const setting = settings.find((each) => each.path === path);
  if (setting === undefined) throw new TypeError(`expected a setting ${path}, got none`);
  return setting;
}
