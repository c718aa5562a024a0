// node serialport.js FOLDER: the npm package serialport, versions 8 to 13, on an echoing device.
const folder = process.argv[2];
const modern = require(folder + '/node_modules/serialport');
const Port = modern.SerialPort || modern;
const done = (resolve, reject) => (error, value) => (error ? reject(error) : resolve(value));

function open(baudRate) {
    return new Promise((resolve, reject) => {
        const port = modern.SerialPort
            ? new modern.SerialPort({ path: '/dev/ttyACM0', baudRate }, (e) => done(resolve, reject)(e, port))
            : new Port('/dev/ttyACM0', { baudRate }, (e) => done(resolve, reject)(e, port));
    });
}

const call = (port, name, ...rest) =>
    new Promise((resolve, reject) => port[name](...rest, done(resolve, reject)));

async function main() {
    const ports = (await Port.list()).filter((port) => /ACM/.test(port.path));
    const { path, manufacturer, serialNumber, vendorId, productId, pnpId } = ports[0];
    console.log([ports.length, path, manufacturer, serialNumber, vendorId, productId, pnpId].join(' '));
    let port = await open(9600);
    await call(port, 'write', 'hello');
    await call(port, 'drain');
    console.log(await new Promise((resolve) => port.once('data', (data) => resolve(data.toString()))));
    await call(port, 'flush');
    await call(port, 'set', { dtr: false });
    console.log((await call(port, 'get')).cts);
    console.log(await open(9600).then(() => 'opened twice', (error) => error.message));
    await call(port, 'close');
    for (const rate of [28800, 14400]) {
        port = await open(rate);
        await call(port, 'close');
    }
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
