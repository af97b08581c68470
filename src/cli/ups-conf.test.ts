import { expect, test } from 'vitest';
import { readUpsConf } from './ups-conf.ts';

test('the sections of ups.conf with their drivers, and where drivers are', () => {
  const text = `# UPSes of this machine
maxretry = 3
driverpath = "/opt/nut drivers"
[rack]
  driver = usbhid-ups   # the USB one
  port = auto
  desc = "Rack [top] driver = no"
[ pdu ]
driver="snmp-ups"
driverpath = /not/a/global
[bare]
`;
  expect(readUpsConf(text)).toEqual({
    driverPath: '/opt/nut drivers',
    sections: [{ name: 'rack', driver: 'usbhid-ups' }, { name: 'pdu', driver: 'snmp-ups' }, { name: 'bare' }],
  });
});

test.each(['', '# [rack]\n', 'driver = usbhid-ups\n', '[unclosed\n driver = x\n'])('%j names no UPS', (text) => {
  expect(readUpsConf(text)).toEqual({ sections: [] });
});
