// A relying party as a program that takes one step a line: JSON in, JSON out. A step that fails says what its library said.

import { createInterface } from "node:readline";

/** Answer each line `{do, ...}` on standard input by `steps[do]`. */
export async function serve(steps) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: step, ...given } = JSON.parse(line);
    let answer;
    try {
      answer = await steps[step](given);
    } catch (error) {
      answer = { refused: reasons(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

/** What an error and its causes say, and the OAuth error code that the city gave, if it gave one. */
function reasons(error) {
  const said = [];
  for (let each = error; each instanceof Error; each = each.cause) said.push(each.message);
  return { error: error.error ?? null, said };
}
