// Hands every module on standard input to binary-version-reader's HalModuleParser and compares what it
// read with what the line before the module says. Usage: node binary-version-reader.js MODULES_FOLDER
'use strict';
const crypto = require('crypto');
const path = require('path');
const { HalModuleParser } = require(path.resolve(process.argv[2], 'binary-version-reader'));

const SHA256_FROM_END = 38;

// What differs between a row and what the parser says of its image.
function differences(row, info, image) {
	const prefix = info.prefixInfo, suffix = info.suffixInfo;
	const wanted = {
		crc: [info.crc.ok, true],
		header: [prefix.prefixOffset || 0, row.header],
		platform: [prefix.platformID, row.platform],
		version: [prefix.moduleVersion, row.version],
		function: [prefix.moduleFunction, row.function],
		index: [prefix.moduleIndex, row.index],
		dependency: [[prefix.depModuleFunction, prefix.depModuleIndex, prefix.depModuleVersion].join(),
			row.dependency.join()],
		dependency2: [[prefix.dep2ModuleFunction, prefix.dep2ModuleIndex, prefix.dep2ModuleVersion].join(),
			row.dependency2.join()],
		suffix: [suffix.suffixSize, 40],
		sha256: [suffix.fwUniqueId,
			crypto.createHash('sha256').update(image.subarray(0, -SHA256_FROM_END)).digest('hex')],
	};
	return Object.keys(wanted).filter((key) => wanted[key][0] !== wanted[key][1])
		.map((key) => `${key} is ${wanted[key][0]}, not ${wanted[key][1]}`);
}

async function main() {
	const parser = new HalModuleParser();
	let left = Buffer.alloc(0), rows = 0, bad = 0;
	for await (const chunk of process.stdin) {
		left = Buffer.concat([left, chunk]);
		for (let end; (end = left.indexOf(0)) >= 0;) {
			const row = JSON.parse(left.subarray(0, end).toString());
			if (left.length < end + 1 + row.size) {
				break;
			}
			const image = Buffer.from(left.subarray(end + 1, end + 1 + row.size));
			left = left.subarray(end + 1 + row.size);
			rows++;
			const info = await parser.parseBuffer({ filename: row.part, fileBuffer: image });
			for (const difference of differences(row, info, image)) {
				console.log(`${row.platform}/${row.part}@${row.release}: ${difference}`);
				bad++;
			}
		}
	}
	console.log(`${rows} modules, ${bad} differences`);
	process.exit(rows > 1000 && bad === 0 && left.length === 0 ? 0 : 1);
}

main();
