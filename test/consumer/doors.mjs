// ECMAScript modules: what each door of the installed package lets out, by name.
const doors = {}
for (const path of process.argv.slice(2)) doors[path] = Object.keys(await import(path))
console.log(JSON.stringify(doors))
