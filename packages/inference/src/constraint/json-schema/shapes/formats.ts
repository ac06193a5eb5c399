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

const uriEnd = `(?:\\?(?:${uriCharacters}|[/?])*)?(?:#(?:${uriCharacters}|[/?])*)?`;
// A path whose first name has no colon, as that would be a scheme.
const firstName = "(?:[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})+";
const uriReference = `${uri}|(?:/?${firstName}(?:/${uriCharacters}+)*/?)?${uriEnd}`;
const jsonPointer = "(?:/(?:[^~/]|~[01])*)*";
// The first number of a range is not above the second: both have one digit, or the second has more.
const range = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((least) => `${least},[${least}-9]`).join("|");
const quantifier = `(?:(?:[*+?]|\\{(?:[0-9]{1,3},?|${range}|[0-9],[1-9][0-9])\\})\\??)?`;
const classItem = "(?:a-z|A-Z|0-9|[A-Za-z0-9_ .,:;@#%&/+*?]|\\\\[dDwWsS.\\-\\]\\\\/nrt])";
const atom = `(?:(?:[A-Za-z0-9_ ,:;@#%&=!<>~/"'-]|\\.|\\\\[dDwWsS.*+?^$(){}|\\[\\]\\\\/nrt]|\\[\\^?${classItem}+\\])${quantifier})`;
const alternatives = `${atom}*(?:\\|${atom}*)*`;
const branch = `\\^?(?:${atom}|\\((?:\\?:)?${alternatives}\\)${quantifier})*\\$?`;
const regex = `${branch}(?:\\|${branch})*`;

/** A format that is enforced. */
export interface Format {
  /** Every text that matches has the format. */
  readonly pattern: string;
  /** Every text of the format matches. [that of `pattern`] */
  readonly wide?: RegExp;
}

/**
 * The formats that are enforced. A few unusual texts that have one
 * do not match, such as leap seconds, names with two hyphens in a row, quoted mailboxes and IPv6 addresses that end as IPv4.
 */
export const formats: ReadonlyMap<string, Format> = new Map<string, Format>([
  ["date", { pattern: date }],
  ["time", { pattern: time, wide: /^\d\d:/ }],
  ["date-time", { pattern: `${date}T${time}`, wide: /^\d{4}-\d\d-\d\d/ }],
  ["duration", { pattern: `P(?:[0-9]{1,9}W|${days}(?:${seconds})?|${seconds})`, wide: /^P/ }],
  ["email", { pattern: `${mailbox}+(?:\\.${mailbox}+)*@${label}(?:\\.${label}){1,3}`, wide: /@/ }],
  ["hostname", { pattern: hostname, wide: /^\S+$/ }],
  ["ipv4", { pattern: ipv4 }],
  ["ipv6", { pattern: ipv6, wide: /:/ }],
  ["uuid", { pattern: "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}" }],
  ["idn-email", { pattern: `${mailbox}+(?:\\.${mailbox}+)*@${label}(?:\\.${label}){1,3}`, wide: /@/ }],
  ["iri", { pattern: uri, wide: /^[A-Za-z][A-Za-z0-9+.-]*:/ }],
  ["iri-reference", { pattern: uriReference, wide: /^\S*$/ }],
  ["json-pointer", { pattern: jsonPointer }],
  ["regex", { pattern: regex, wide: /(?:)/ }],
  ["relative-json-pointer", { pattern: `(?:0|[1-9][0-9]{0,8})(?:#|${jsonPointer})`, wide: /^[0-9]/ }],
  ["uri-reference", { pattern: uriReference, wide: /^\S*$/ }],
  ["uri", { pattern: uri, wide: /^[A-Za-z][A-Za-z0-9+.-]*:/ }],
]);
