// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

// Recipients of native coin that are contracts.

// Writes down what it got: 21,000 gas are not enough for that.
contract Diligent {
	uint256 public payments;

	receive() external payable {
		payments += 1;
	}
}

contract Refusing {
	receive() external payable {
		revert("no coin, thanks");
	}
}
