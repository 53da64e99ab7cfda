"""A chat server in a process of its own, which can be killed, frozen and started again on the same port."""

import os
import signal
import subprocess
import sys


class ServerProcess:
    def __init__(self, token=None, port=0):
        self.token = token
        self.port = port
        self.process = None

    def start(self):
        command = [sys.executable, "-m", "ipymultichat", "serve", "--port", str(self.port)]
        environment = {key: value for key, value in os.environ.items() if key != "MULTICHAT_TOKEN"}
        if self.token:
            environment["MULTICHAT_TOKEN"] = self.token
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        line = self.process.stdout.readline()
        self.url = next(word for word in line.split() if word.startswith("ws://"))
        self.port = int(self.url.split(":")[2].split("/")[0])
        return self

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None
