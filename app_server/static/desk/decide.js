// Suspending and lifting: the dialog names what it will touch and asks for a reason.

import { call } from "../js/api.js";
import { announce, ask, h } from "../js/dom.js";
import { t } from "../js/i18n.js";
import { localised } from "./listing-detail.js";

/** Ask, then suspend. True when it was done, false when the person left it open; refusals are thrown. */
export async function suspend(listing, etag) {
  const { name } = listing;
  const cards = (listing.manifest?.banyan?.cards ?? []).map((card) => localised(card.title));
  const touches = [
    t("desk.suspend.opens", { name }),
    t("desk.suspend.calls", { count: listing.calls }),
    cards.length ? t("desk.suspend.cards", { cards: cards.join(", ") }) : null,
    t("desk.suspend.kept"),
  ].filter(Boolean);
  const reason = await ask({
    title: t("desk.suspend.title", { name }),
    body: h("div", { class: "stack stack--tight" }, h("p", {}, t("desk.suspend.touches")), h("ul", { class: "touches" }, touches.map((touch) => h("li", {}, touch)))),
    reasonLabel: t("desk.suspend.reason"),
    confirm: t("desk.suspend.confirm", { name }),
    cancel: t("desk.suspend.cancel"),
    urgent: true,
  });
  return decide(reason, `/v1/operator/listings/${listing.app_id}/suspension`, etag, t("desk.suspend.done", { name }));
}

/** Ask, then open again. As `suspend`. */
export async function lift(listing, etag) {
  const { name } = listing;
  const reason = await ask({
    title: t("desk.lift.title", { name }),
    body: t("desk.lift.touches"),
    reasonLabel: t("desk.lift.reason"),
    confirm: t("desk.lift.confirm"),
    cancel: t("desk.lift.cancel"),
  });
  return decide(reason, `/v1/operator/listings/${listing.app_id}/lift`, etag, t("desk.lift.done", { name }));
}

async function decide(reason, path, etag, done) {
  if (reason === false) return false;
  if (!reason) {
    announce(t("desk.suspend.needs_reason"), { urgent: true });
    return false;
  }
  await call("POST", path, { body: { reason }, etag });
  announce(done);
  return true;
}
