// The page: its parts in their order.

function render() {
  const parts = [head(), summary(), ...DATA.families.map(changes), singles(), leftOut(), recordings(), circumstances(), method()];
  document.getElementById("main").replaceChildren(...parts);
}

redraw();
