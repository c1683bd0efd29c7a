// Finds and makes elements, for the parts of the page.

/** The element with this id. */
export const element = (id) => document.getElementById(id)

/** A new element, with a text if there is one. */
export function make (name, className, text = '') {
  const made = document.createElement(name)
  made.className = className
  made.textContent = text
  return made
}
