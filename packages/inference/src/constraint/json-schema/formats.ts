const month31 = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])";
const month30 = "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)";
const leapYear = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
const date = `(?:[0-9]{4}-(?:${month31}|${month30}|02-(?:0[1-9]|1[0-9]|2[0-8]))|${leapYear}-02-29)`;
const time =
  "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
const byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const ipv4 = `${byte}(?:\\.${byte}){3}`;
const group = "[0-9A-Fa-f]{1,4}";
// Without two hyphens in a row, as "xn--" begins an encoded name that would have to be decoded.
const label = "[A-Za-z0-9](?:-?[A-Za-z0-9]){0,30}";
const mailbox = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]";
const hostname = `${label}(?:\\.${label}){0,3}`;
const ipv6 = [
  `(?:${group}:){7}${group}`,
  ...[0, 1, 2, 3, 4, 5, 6].map((before) => {
    const head = before === 0 ? "::" : `(?:${group}:){${before}}:`;
    const rest = 6 - before;
    return rest === 0 ? head : `${head}(?:${group}(?::${group}){0,${rest - 1}})?`;
  }),
  `(?:${group}:){7}:`,
].join("|");
const seconds = "T(?:[0-9]{1,9}H(?:[0-9]{1,9}M(?:[0-9]{1,9}S)?)?|[0-9]{1,9}M(?:[0-9]{1,9}S)?|[0-9]{1,9}S)";
const days = "(?:[0-9]{1,9}Y(?:[0-9]{1,9}M(?:[0-9]{1,9}D)?)?|[0-9]{1,9}M(?:[0-9]{1,9}D)?|[0-9]{1,9}D)";
const uriCharacters = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";
const uri =
  `[A-Za-z][A-Za-z0-9+.-]*:(?://(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*(?::[0-9]{1,5})?(?:/${uriCharacters}*)*` +
  `|/?(?:${uriCharacters}+(?:/${uriCharacters}*)*)?)(?:\\?(?:${uriCharacters}|[/?])*)?(?:#(?:${uriCharacters}|[/?])*)?`;

/**
 * Patterns for the formats that are enforced. Every text that matches has the format; a few unusual texts that have it
 * do not match, such as leap seconds, names with two hyphens in a row, quoted mailboxes and IPv6 addresses that end as IPv4.
 */
export const formatPatterns: ReadonlyMap<string, string> = new Map([
  ["date", date],
  ["time", time],
  ["date-time", `${date}T${time}`],
  ["duration", `P(?:[0-9]{1,9}W|${days}(?:${seconds})?|${seconds})`],
  ["email", `${mailbox}+(?:\\.${mailbox}+)*@${label}(?:\\.${label}){1,3}`],
  ["hostname", hostname],
  ["ipv4", ipv4],
  ["ipv6", ipv6],
  ["uuid", "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"],
  ["uri", uri],
]);
