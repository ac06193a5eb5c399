const months = "January February March April May June July August September October November December".split(
  " ",
);
const dayNames = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const dayMs = 24 * 60 * 60 * 1000;

/** A number and the width that it is padded to. */
interface NumberField {
  readonly value: number;
  readonly digits: number;
  readonly fill?: " ";
}

/**
 * Formats local time as Python's `datetime.now().strftime(…)` does on Linux in the C locale, with the flags
 * `-` (no padding), `_` (spaces), `0` and `^` (upper case). Anything else stays as it is.
 */
export function strftime(date: Date, format: string): string {
  return format.replaceAll(/%([-_0^]?)([a-zA-Z%])/g, (whole, flag: string, directive: string) => {
    const field = fieldOf(date, directive);
    // Python formats microseconds itself, without flags.
    if (field === undefined || (directive === "f" && flag !== "")) {
      return flag === "^" ? whole.toUpperCase() : whole;
    }
    if (typeof field === "string") return flag === "^" && directive !== "P" ? field.toUpperCase() : field;
    if (flag === "-") return String(field.value);
    const fill = flag === "_" ? " " : flag === "0" ? "0" : (field.fill ?? "0");
    return String(field.value).padStart(field.digits, fill);
  });
}

function fieldOf(date: Date, directive: string): NumberField | string | undefined {
  const number = (value: number, digits: number, fill?: " "): NumberField =>
    fill === undefined ? { value, digits } : { value, digits, fill };
  const month = months[date.getMonth()] ?? "";
  const day = dayNames[date.getDay()] ?? "";
  const year = date.getFullYear();
  const hour12 = date.getHours() % 12 === 0 ? 12 : date.getHours() % 12;
  switch (directive) {
    case "Y":
      return number(year, 1);
    case "C":
      return number(Math.floor(year / 100), 2);
    case "y":
      return number(year % 100, 2);
    case "G":
      return number(isoWeek(date).year, 1);
    case "g":
      return number(isoWeek(date).year % 100, 2);
    case "m":
      return number(date.getMonth() + 1, 2);
    case "d":
      return number(date.getDate(), 2);
    case "e":
      return number(date.getDate(), 2, " ");
    case "j":
      return number(dayOfYear(date) + 1, 3);
    case "U":
      return number(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7), 2);
    case "W":
      return number(Math.floor((dayOfYear(date) + 7 - daysSinceMonday(date)) / 7), 2);
    case "V":
      return number(isoWeek(date).week, 2);
    case "u":
      return number(daysSinceMonday(date) + 1, 1);
    case "w":
      return number(date.getDay(), 1);
    case "H":
      return number(date.getHours(), 2);
    case "k":
      return number(date.getHours(), 2, " ");
    case "I":
      return number(hour12, 2);
    case "l":
      return number(hour12, 2, " ");
    case "M":
      return number(date.getMinutes(), 2);
    case "S":
      return number(date.getSeconds(), 2);
    case "f":
      return number(date.getMilliseconds() * 1000, 6);
    case "s":
      return number(Math.floor(date.getTime() / 1000), 1);
    case "B":
      return month;
    case "b":
    case "h":
      return month.slice(0, 3);
    case "A":
      return day;
    case "a":
      return day.slice(0, 3);
    case "p":
      return date.getHours() < 12 ? "AM" : "PM";
    case "P":
      return date.getHours() < 12 ? "am" : "pm";
    case "c":
      return strftime(date, "%a %b %e %H:%M:%S %Y");
    case "D":
    case "x":
      return strftime(date, "%m/%d/%y");
    case "F":
      return strftime(date, "%Y-%m-%d");
    case "R":
      return strftime(date, "%H:%M");
    case "r":
      return strftime(date, "%I:%M:%S %p");
    case "T":
    case "X":
      return strftime(date, "%H:%M:%S");
    case "z":
    case "Z":
      return ""; // a naive datetime has no time zone
    case "n":
      return "\n";
    case "t":
      return "\t";
    case "%":
      return "%";
    default:
      return undefined;
  }
}

/** From 0. */
function dayOfYear(date: Date): number {
  const days =
    Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0);
  return Math.round(days / dayMs);
}

function daysSinceMonday(date: Date): number {
  return (date.getDay() + 6) % 7;
}

/** ISO 8601 weeks start on Monday and belong to the year of their Thursday. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 3 - daysSinceMonday(date));
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}
