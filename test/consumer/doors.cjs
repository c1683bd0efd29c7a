// CommonJS: the same, by require.
const doors = {}
for (const path of process.argv.slice(2)) doors[path] = Object.keys(require(path))
console.log(JSON.stringify(doors))
