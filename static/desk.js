/** The call desk: puts its parts together; each topic has a file of its own in desk/. */

import { openEnding } from "./desk/ending.js";
import { find, root } from "./desk/elements.js";
import { listenToKeys } from "./desk/keys.js";
import { startBooked } from "./desk/booked.js";
import { startBooking } from "./desk/booking.js";
import { startCall } from "./desk/call.js";
import { startCard } from "./desk/card.js";
import { startEarlier } from "./desk/earlier.js";
import { startLater } from "./desk/later.js";
import { startNotes } from "./desk/notes.js";
import { startPatient } from "./desk/patient.js";
import { startRedFlags } from "./desk/red_flag.js";
import { startScript } from "./desk/script.js";
import { showMoments } from "./desk/words.js";
import { startTimes, wanted } from "./desk/times.js";
import { keepLooking } from "./desk/state.js";

showMoments(root);
startCall();
startLater();
startNotes();
startPatient();
startScript();
startRedFlags();
startTimes();
startBooking();
startCard();
startBooked();
startEarlier(wanted);
listenToKeys();
find("#end")?.addEventListener("click", openEnding);
keepLooking();
root.dataset.ready = "";
