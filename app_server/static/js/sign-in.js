// Makes the code step easier; the page works without it. Takes digits only, sends the code once, counts the wait down.
// It does not send a complete code by itself: typing must not change the page (WCAG 2.2, 3.2.2).

const form = document.getElementById("code-form");
const code = document.getElementById("code");
const resend = document.getElementById("resend-form");
const note = document.getElementById("resend-note");
const button = document.getElementById("resend");

code.addEventListener("input", () => {
  code.value = code.value.replace(/\D/g, "").slice(0, 6);
});

let sent = false;
form.addEventListener("submit", (event) => {
  if (sent) event.preventDefault();
  sent = true;
});
addEventListener("pageshow", () => {
  sent = false;
});

const until = performance.now() + Number(resend.dataset.wait) * 1000;

function tick() {
  const left = Math.ceil((until - performance.now()) / 1000);
  const waiting = left > 0;
  button.disabled = waiting;
  note.hidden = !waiting;
  if (waiting) {
    note.textContent = note.dataset.words.replace("{seconds}", String(left));
    setTimeout(tick, 1000);
  }
}
tick();
