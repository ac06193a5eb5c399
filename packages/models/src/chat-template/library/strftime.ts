const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** Formats local time as C's `strftime` does in its English locale; an unknown directive stays as it is. */
export function strftime(date: Date, format: string): string {
  return format.replaceAll(/%(-?)([a-zA-Z%])/g, (whole, dash: string, directive: string) => {
    const text = formatDirective(date, directive);
    if (text === undefined) {
      return whole;
    }
    return dash === "" ? text : text.replace(/^[0 ]+(?=.)/, "");
  });
}

function formatDirective(date: Date, directive: string): string | undefined {
  const month = MONTHS[date.getMonth()] ?? "";
  const day = DAYS[date.getDay()] ?? "";
  const hour12 = date.getHours() % 12 === 0 ? 12 : date.getHours() % 12;
  switch (directive) {
    case "Y":
      return String(date.getFullYear());
    case "y":
      return padded(date.getFullYear() % 100);
    case "m":
      return padded(date.getMonth() + 1);
    case "d":
      return padded(date.getDate());
    case "e":
      return String(date.getDate()).padStart(2, " ");
    case "B":
      return month;
    case "b":
      return month.slice(0, 3);
    case "A":
      return day;
    case "a":
      return day.slice(0, 3);
    case "H":
      return padded(date.getHours());
    case "I":
      return padded(hour12);
    case "M":
      return padded(date.getMinutes());
    case "S":
      return padded(date.getSeconds());
    case "p":
      return date.getHours() < 12 ? "AM" : "PM";
    case "F":
      return strftime(date, "%Y-%m-%d");
    case "T":
      return strftime(date, "%H:%M:%S");
    case "%":
      return "%";
    default:
      return undefined;
  }
}

function padded(value: number): string {
  return String(value).padStart(2, "0");
}
