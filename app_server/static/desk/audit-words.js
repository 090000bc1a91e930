// Actions and actors of the audit log in the reader's language; what has no word yet is shown as it is recorded.

import { has, t } from "../js/i18n.js";

/** "listing.suspended" and "listing_suspended" read the same. */
export function actionWord(action) {
  const key = `desk.action.${action.replaceAll(".", "_")}`;
  return has(key) ? t(key) : action;
}

/** "operator:0198c0de-…" becomes "Operator 0198c0de…"; a name stays a name. */
export function actorWord(actor) {
  const { kind, id } = typeof actor === "string" ? { kind: actor.split(":")[0], id: actor.split(":")[1] } : actor;
  const word = has(`desk.actor.${kind}`) ? t(`desk.actor.${kind}`) : kind;
  return id ? `${word} ${id.length > 12 ? `…${id.slice(-8)}` : id}` : word;
}
