// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

// The tokens that the end-to-end suites pay with, each with one habit that is met in the
// world. Anybody may mint and flip their switches: they live on a test chain.

abstract contract Ledger {
	uint8 public constant decimals = 18;
	uint256 public totalSupply;
	mapping(address => uint256) public balanceOf;

	event Transfer(address indexed from, address indexed to, uint256 value);

	function mint(address to, uint256 value) external {
		totalSupply += value;
		balanceOf[to] += value;
		emit Transfer(address(0), to, value);
	}

	function move(address to, uint256 value) internal {
		require(balanceOf[msg.sender] >= value, "balance too low");
		balanceOf[msg.sender] -= value;
		balanceOf[to] += value;
		emit Transfer(msg.sender, to, value);
	}
}

contract Plain is Ledger {
	function transfer(address to, uint256 value) external returns (bool) {
		move(to, value);
		return true;
	}
}

// Says nothing, where the standard wants a bool.
contract Silent is Ledger {
	function transfer(address to, uint256 value) external {
		move(to, value);
	}
}

// Keeps one hundredth of each transfer.
contract Taxed is Ledger {
	function transfer(address to, uint256 value) external returns (bool) {
		uint256 fee = value / 100;
		balanceOf[msg.sender] -= fee;
		totalSupply -= fee;
		move(to, value - fee);
		return true;
	}
}

// Refuses some recipients: by a revert, or by `false` and nothing else.
contract Picky is Ledger {
	mapping(address => bool) public banned;
	mapping(address => bool) public ignored;

	function ban(address who) external {
		banned[who] = true;
	}

	function ignore(address who) external {
		ignored[who] = true;
	}

	function transfer(address to, uint256 value) external returns (bool) {
		require(!banned[to], "recipient is banned");
		if (ignored[to])
			return false;
		move(to, value);
		return true;
	}
}

contract Pausable is Ledger {
	bool public paused;

	function pause(bool on) external {
		paused = on;
	}

	function transfer(address to, uint256 value) external returns (bool) {
		require(!paused, "token is paused");
		move(to, value);
		return true;
	}
}
