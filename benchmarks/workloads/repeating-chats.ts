/** A chat, and what its answer is likely to be. */
export interface RepeatingChat {
  readonly name: string;
  readonly prompt: string;
  /** [nothing is predicted] */
  readonly prediction?: string;
}

const settings = `host: 127.0.0.1
port: 8000
timeout: 30 seconds
retries: 3
log level: info
cache size: 512 MB
workers: 4
region: eu-west-1
`;

const code = `function totalPrice(items, taxRate) {
  let total = 0;
  for (const item of items) {
    total += item.price * item.quantity;
  }
  return total * (1 + taxRate);
}

function averagePrice(items) {
  if (items.length === 0) {
    return 0;
  }
  return totalPrice(items, 0) / items.length;
}
`;

/** Answers that repeat their prompt wholly, with changes, in parts, and not at all. */
export const repeatingChats: readonly RepeatingChat[] = [
  { name: "copy", prompt: `Repeat the following text exactly, word for word:\n\n${settings}` },
  {
    name: "edit",
    prompt: `Rename the function totalPrice to sumPrice in this file, and write the whole file again:\n\n${code}`,
  },
  {
    name: "edit, predicted",
    prompt: `Rename the function totalPrice to sumPrice in this file, and write the whole file again:\n\n${code}`,
    prediction: code,
  },
  { name: "list", prompt: `Write these settings as a JSON object:\n\n${settings}` },
  { name: "story", prompt: "Write a short story about a lighthouse keeper and the sea." },
];
