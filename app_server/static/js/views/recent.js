// Which services and which card this browser used last; kept on the device only.

const APPS = "banyan.recent-apps";
const CARD = "banyan.last-card";

export function recent() {
  try {
    return JSON.parse(localStorage.getItem(APPS)) ?? [];
  } catch {
    return [];
  }
}

export function remember(appId) {
  localStorage.setItem(APPS, JSON.stringify([appId, ...recent().filter((id) => id !== appId)].slice(0, 8)));
}

export const lastCard = () => localStorage.getItem(CARD);
export const rememberCard = (id) => localStorage.setItem(CARD, id);

/** On sign-out: the next person on this device starts clean. */
export function forget() {
  localStorage.removeItem(APPS);
  localStorage.removeItem(CARD);
}
