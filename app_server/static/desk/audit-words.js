// Actions and actors of the audit log in the reader's language; what has no word yet is shown as it is recorded.

import { has, t } from "../js/i18n.js";

/** An action of the audit ("listing.suspended") or of a listing's history ("suspend", "release 2"). */
export function actionWord(action) {
  const release = action.match(/^release (\d+)$/);
  if (release) return t("desk.release", { number: release[1] });
  const key = `desk.action.${action.replaceAll(".", "_")}`;
  return has(key) ? t(key) : action;
}

/** "app:library" is the id that providers call it by; anything else is named as an actor is. */
export const subjectWord = (subject) => (subject.startsWith("app:") ? subject.slice(4) : actorWord(subject));

/** "operator:<id>" becomes "Operator …" with the end of the id. */
export function actorWord(actor) {
  const { kind, id } = typeof actor === "string" ? { kind: actor.split(":")[0], id: actor.split(":")[1] } : actor;
  const word = has(`desk.actor.${kind}`) ? t(`desk.actor.${kind}`) : kind;
  return id ? `${word} ${id.length > 12 ? `…\u2060${id.slice(-8)}` : id}` : word;
}
