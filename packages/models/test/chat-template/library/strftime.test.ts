import { describe, expect, it } from "vitest";

import { strftime } from "../../../src/chat-template/library/strftime.ts";

const testedFormats = [
  "%Y %C %y %G %g %m %d %e %j %U %W %V %u %w",
  "%H %k %I %l %M %S %f",
  "%B %b %h %A %a %p %P",
  "%c|%D|%x|%F|%R|%r|%T|%X",
  "[%z%Z]%n%t%%",
  "%-d %_m %0e %^B %^a %-j %^P %-I %_H",
  "%q %-q %-f %Q 100% %",
];

/** `datetime(…).strftime(…)` of Python 3 on Linux, C locale, for each of the formats. */
const python: readonly (readonly [date: Date, texts: readonly string[]])[] = [
  [
    new Date(2024, 0, 7, 15, 4, 9, 7),
    [
      "2024 20 24 2024 24 01 07  7 007 01 01 01 7 0",
      "15 15 03  3 04 09 007000",
      "January Jan Jan Sunday Sun PM pm",
      "Sun Jan  7 15:04:09 2024|01/07/24|01/07/24|2024-01-07|15:04|03:04:09 PM|15:04:09|15:04:09",
      "[]\n\t%",
      "7  1 07 JANUARY SUN 7 pm 3 15",
      "%q %-q %-f %Q 100% %",
    ],
  ],
  [
    new Date(2021, 0, 1, 0, 0, 0, 0),
    [
      "2021 20 21 2020 20 01 01  1 001 00 00 53 5 5",
      "00  0 12 12 00 00 000000",
      "January Jan Jan Friday Fri AM am",
      "Fri Jan  1 00:00:00 2021|01/01/21|01/01/21|2021-01-01|00:00|12:00:00 AM|00:00:00|00:00:00",
      "[]\n\t%",
      "1  1 01 JANUARY FRI 1 am 12  0",
      "%q %-q %-f %Q 100% %",
    ],
  ],
  [
    new Date(2018, 11, 31, 12, 59, 59, 999),
    [
      "2018 20 18 2019 19 12 31 31 365 52 53 01 1 1",
      "12 12 12 12 59 59 999000",
      "December Dec Dec Monday Mon PM pm",
      "Mon Dec 31 12:59:59 2018|12/31/18|12/31/18|2018-12-31|12:59|12:59:59 PM|12:59:59|12:59:59",
      "[]\n\t%",
      "31 12 31 DECEMBER MON 365 pm 12 12",
      "%q %-q %-f %Q 100% %",
    ],
  ],
  [
    new Date(2020, 1, 29, 9, 5, 3, 0),
    [
      "2020 20 20 2020 20 02 29 29 060 08 08 09 6 6",
      "09  9 09  9 05 03 000000",
      "February Feb Feb Saturday Sat AM am",
      "Sat Feb 29 09:05:03 2020|02/29/20|02/29/20|2020-02-29|09:05|09:05:03 AM|09:05:03|09:05:03",
      "[]\n\t%",
      "29  2 29 FEBRUARY SAT 60 am 9  9",
      "%q %-q %-f %Q 100% %",
    ],
  ],
];

describe("strftime", () => {
  it.each(python)("formats %s as Python does", (date, texts) => {
    expect(testedFormats.map((format) => strftime(date, format))).toEqual(texts);
  });
});
