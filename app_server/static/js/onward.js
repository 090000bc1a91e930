// A form that goes on by itself: the way back to a client that wants its answer posted.
document.querySelector("#onward").submit();
